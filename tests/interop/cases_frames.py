"""Conformance cases on an open connection, the same for both roles (RFC 6455 5-8, 10.4).

A case is a function that gets an open Wire to the testee; it may end the connection, else the runner closes it.
"""

import codecs
import random
import struct

from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, NAMES, Failure

CASES = []  # (category, name, function, flags of the testee)

KIB, MIB = 1 << 10, 1 << 20
MIXED = "Zażółć gęślą jaźń, кот на крыше, 猫と犬, 🐈🐕 "  # one to four octets a character


def case(category, name, flags=()):
    def add(function):
        CASES.append((category, name, function, tuple(flags)))
        return function

    return add


def text_of(size):
    """Exactly `size` octets of UTF-8 with characters of every length."""
    unit = MIXED.encode()
    data = (unit * (size // len(unit) + 1))[:size]
    whole = data.decode("utf-8", "ignore").encode()
    return whole + b"." * (size - len(whole))


def bytes_of(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def fails(category, name, build, *codes, flags=(), slowly=False):
    """After a good message, what `build` gives must fail the connection, and all that follows it is ignored."""

    def run(wire):
        wire.echo(TEXT, b"before")
        data = build(wire)
        if slowly:
            wire.send_in_pieces(data, [1])
        else:
            behind = wire.frame(TEXT, b"behind") + wire.frame(PING, b"behind")
            wire.send(wire.frame(TEXT, b"with") + data + behind)
            wire.expect(TEXT, b"with")
        wire.expect_failed(*codes)

    CASES.append((category, name, run, tuple(flags)))


# Framing (5.2, 5.3, 5.6)

SIZES = (0, 1, 125, 126, 127, 128, 65535, 65536)


@case("framing", "sizes at the borders of the length forms, text and binary")
def _(wire):
    for size in SIZES:
        wire.echo(TEXT, text_of(size))
        wire.echo(BINARY, bytes_of(size))


@case("framing", "sizes at the borders, in TCP writes of 997 octets")
def _(wire):
    for size in SIZES:
        wire.echo(TEXT, text_of(size), [997])
        wire.echo(BINARY, bytes_of(size), [997])


@case("framing", "octet by octet")
def _(wire):
    for size in (0, 1, 125, 126, 128, 300):
        wire.echo(TEXT, text_of(size), [1])
        wire.echo(BINARY, bytes_of(size), [1])


@case("framing", "65536 octets, octet by octet")
def _(wire):
    wire.echo(TEXT, text_of(65536), [1])


@case("framing", "every two-part split of a frame")
def _(wire):
    for size in (0, 5, 126):
        total = len(wire.frame(BINARY, bytes_of(size)))
        for cut in range(1, total):
            wire.echo(BINARY, bytes_of(size), [cut, total])


@case("framing", "16 MiB of text in one frame")
def _(wire):
    wire.echo(TEXT, text_of(16 * MIB))


@case("framing", "16 MiB of binary in one frame")
def _(wire):
    wire.echo(BINARY, bytes_of(16 * MIB))


@case("framing", "16 MiB of text in TCP writes of 1 to 997 octets")
def _(wire):
    sizes = [random.Random(6455).randint(1, 997) for _ in range(1000)]
    wire.echo(TEXT, text_of(16 * MIB), sizes)


@case("framing", "1 MiB of binary in TCP writes of 1 to 64 octets")
def _(wire):
    sizes = [random.Random(5).randint(1, 64) for _ in range(1000)]
    wire.echo(BINARY, bytes_of(MIB), sizes)


@case("framing", "1000 messages of every size below 1000 in one go")
def _(wire):
    wire.send(b"".join(wire.frame(BINARY, bytes_of(size)) for size in range(1000)))
    for size in range(1000):
        wire.expect(BINARY, bytes_of(size))


@case("framing", "64 messages of 1 MiB, sent as fast as they are taken")
def _(wire):
    payload = bytes_of(MIB)
    for _ in range(64):
        wire.send(wire.frame(BINARY, payload))
    for _ in range(64):
        wire.expect(BINARY, payload)


@case("framing", "masking keys of zeros, ones and repeated octets")
def _(wire):
    if wire.testee_is_server:
        for key in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0"):
            for size in (0, 1, 2, 3, 4, 5, 125, 126, 70000):
                wire.echo(BINARY, bytes_of(size), mask=key)


@case("framing", "the examples of RFC 6455 5.7")
def _(wire):
    if wire.testee_is_server:
        wire.send(bytes.fromhex("818537fa213d7f9f4d5158"))
    else:
        wire.send(bytes.fromhex("810548656c6c6f"))
    wire.expect(TEXT, b"Hello")
    wire.send(wire.frames(b"Hello", [3]))
    wire.expect(TEXT, b"Hello")
    for size in (256, 65536):
        wire.echo(BINARY, bytes_of(size))


# Pings and pongs (5.5.2, 5.5.3)


@case("pings", "every payload size from 0 to 125")
def _(wire):
    for size in range(126):
        wire.send(wire.frame(PING, bytes_of(size)))
        wire.expect(PONG, bytes_of(size))


@case("pings", "a payload that is not UTF-8")
def _(wire):
    wire.send(wire.frame(PING, b"\0\xff\xfe\xc0\x80"))
    wire.expect(PONG, b"\0\xff\xfe\xc0\x80")


@case("pings", "octet by octet")
def _(wire):
    for size in (0, 1, 125):
        wire.send_in_pieces(wire.frame(PING, bytes_of(size)), [1])
        wire.expect(PONG, bytes_of(size))


@case("pings", "unsolicited pongs are taken without an answer")
def _(wire):
    for payload in (b"", b"unasked", bytes_of(125)):
        wire.send(wire.frame(PONG, payload))
    wire.send(wire.frame(PONG, b"pong") + wire.frame(PING, b"ping"))
    wire.expect(PONG, b"ping")


def expect_pongs(wire, payloads):
    """Pongs in the order of the pings; only the latest must be there (5.5.3)."""
    rest = iter(payloads)
    while True:
        opcode, payload = wire.receive()
        if opcode != PONG:
            raise Failure(f"expected a pong, got {NAMES[opcode]}")
        if payload not in rest:
            raise Failure(f"a pong {payload!r} that answers no ping, or out of order")
        if payload == payloads[-1]:
            return


@case("pings", "10 pings in one write")
def _(wire):
    payloads = [b"ping %d" % i for i in range(10)]
    wire.send(b"".join(wire.frame(PING, payload) for payload in payloads))
    expect_pongs(wire, payloads)


@case("pings", "10 pings in one write, octet by octet")
def _(wire):
    payloads = [b"ping %d" % i for i in range(10)]
    wire.send_in_pieces(b"".join(wire.frame(PING, payload) for payload in payloads), [1])
    expect_pongs(wire, payloads)


@case("pings", "10,000 pings while we read", ("--max-control-rate", "off"))
def _(wire):
    payloads = [b"%d" % i for i in range(10000)]
    wire.send(b"".join(wire.frame(PING, payload) for payload in payloads))
    expect_pongs(wire, payloads)


@case("pings", "a ping inside a fragmented message is answered at once")
def _(wire):
    wire.send(wire.frame(TEXT, b"begin ", fin=False) + wire.frame(PING, b"in between"))
    wire.expect(PONG, b"in between")
    wire.send(wire.frame(CONTINUATION, b"end"))
    wire.expect(TEXT, b"begin end")


@case("pings", "a pong inside a fragmented message")
def _(wire):
    wire.send(wire.frame(TEXT, b"begin ", fin=False) + wire.frame(PONG, b"?") + wire.frame(CONTINUATION, b"end"))
    wire.expect(TEXT, b"begin end")


for opcode in (PING, PONG):
    for size, form in ((126, None), (65536, None), (125, 16), (0, 64)):
        fails(
            "pings",
            f"{NAMES[opcode]} of {size} octets{f' in a length field of {form} bits' if form else ''}",
            lambda wire, o=opcode, s=size, f=form: wire.frame(o, bytes_of(s), form=f),
            1002,
        )
    fails(
        "pings",
        f"{NAMES[opcode]} that announces 126 octets and sends none",
        lambda wire, o=opcode: wire.frame(o, announce=126),
        1002,
    )
    fails("pings", f"fragmented {NAMES[opcode]}", lambda wire, o=opcode: wire.frame(o, b"x", fin=False), 1002)

# Reserved bits (5.2)

for rsv in range(1, 8):
    for opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        for payload in (b"", b"\x03\xe8" if opcode == CLOSE else b"**"):
            fails(
                "reserved bits",
                f"RSV {rsv:03b} on {NAMES[opcode]}, {'with' if payload else 'without'} payload",
                lambda wire, r=rsv, o=opcode, p=payload: wire.frame(o, p, rsv=r),
                1002,
            )
fails("reserved bits", "RSV 100 octet by octet", lambda wire: wire.frame(TEXT, b"*", rsv=4), 1002, slowly=True)
fails(
    "reserved bits",
    "RSV 010 on a later fragment",
    lambda wire: wire.frame(TEXT, b"a", fin=False) + wire.frame(CONTINUATION, b"b", rsv=2),
    1002,
)

# Opcodes (5.2)

for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    for payload in (b"", b"payload"):
        fails(
            "opcodes",
            f"opcode {opcode}, {'with' if payload else 'without'} payload",
            lambda wire, o=opcode, p=payload: wire.frame(o, p),
            1002,
        )
    fails(
        "opcodes",
        f"opcode {opcode} inside a fragmented message",
        lambda wire, o=opcode: wire.frame(TEXT, b"a", fin=False) + wire.frame(o) + wire.frame(CONTINUATION, b"b"),
        1002,
    )
fails("opcodes", "opcode 7 octet by octet", lambda wire: wire.frame(7), 1002, slowly=True)

# Fragmentation (5.4)


@case("fragmentation", "a message in 1 to 20 fragments, text and binary")
def _(wire):
    for opcode, message in ((TEXT, text_of(200)), (BINARY, bytes_of(200))):
        for count in range(1, 21):
            wire.send(wire.frames(message, [200 // count] * (count - 1), opcode))
            wire.expect(opcode, message)


@case("fragmentation", "octet by octet on the wire")
def _(wire):
    wire.send_in_pieces(wire.frames(text_of(60), [7, 0, 30, 1]), [1])
    wire.expect(TEXT, text_of(60))


@case("fragmentation", "a frame for each octet")
def _(wire):
    wire.send(wire.frames(text_of(1000), [1] * 999))
    wire.expect(TEXT, text_of(1000))


@case("fragmentation", "empty fragments at the start, in the middle, at the end, everywhere")
def _(wire):
    for message, sizes in ((b"abc", [0]), (b"abc", [1, 0]), (b"abc", [3]), (b"abc", [0, 1, 0, 2]), (b"", [0, 0, 0])):
        for opcode in (TEXT, BINARY):
            wire.send(wire.frames(message, sizes, opcode))
            wire.expect(opcode, message)


@case("fragmentation", "10,000 empty fragments")
def _(wire):
    wire.send(wire.frames(b"x", [0] * 10000))
    wire.expect(TEXT, b"x")


@case("fragmentation", "64 KiB to 4 MiB in fragments of 64 to 65536 octets")
def _(wire):
    for size, piece in ((64 * KIB, 64), (256 * KIB, 1000), (MIB, 4096), (4 * MIB, 65536), (4 * MIB, MIB)):
        for opcode, message in ((TEXT, text_of(size)), (BINARY, bytes_of(size))):
            wire.send(wire.frames(message, [piece] * (size // piece - 1), opcode))
            wire.expect(opcode, message)


@case("fragmentation", "16 MiB in fragments of 256 KiB, in TCP writes of 997 octets")
def _(wire):
    message = text_of(16 * MIB)
    wire.send_in_pieces(wire.frames(message, [256 * KIB] * 63), [997])
    wire.expect(TEXT, message)


@case("fragmentation", "control frames between all fragments")
def _(wire):
    pieces = [b"one ", b"two ", b"three"]
    for i, piece in enumerate(pieces):
        wire.send(wire.frame(TEXT if i == 0 else CONTINUATION, piece, fin=i == 2))
        if i < 2:
            wire.send(wire.frame(PING, piece) + wire.frame(PONG))
            wire.expect(PONG, piece)
    wire.expect(TEXT, b"one two three")


@case("fragmentation", "an unfinished message is not delivered")
def _(wire):
    wire.send(wire.frame(TEXT, b"half", fin=False) + wire.frame(PING, b"?"))
    wire.expect(PONG, b"?")
    wire.send(wire.frame(CLOSE, b"\x03\xe8"))
    wire.expect_closed(1000, told=1000)


STRAY = {
    "continuation without a start, FIN": lambda w: w.frame(CONTINUATION, b"x"),
    "continuation without a start, no FIN": lambda w: w.frame(CONTINUATION, b"x", fin=False),
    "empty continuation without a start": lambda w: w.frame(CONTINUATION),
    "continuation behind a fragmented message": lambda w: w.frames(b"", [0]) + w.frame(CONTINUATION, b"x"),
    "text inside a text": lambda w: w.frame(TEXT, b"a", fin=False) + w.frame(TEXT, b"b"),
    "binary inside a text": lambda w: w.frame(TEXT, b"a", fin=False) + w.frame(BINARY, b"b"),
    "text inside a binary": lambda w: w.frame(BINARY, b"a", fin=False) + w.frame(TEXT, b"b"),
    "fragment of text inside a text": lambda w: w.frame(TEXT, b"a", fin=False) + w.frame(TEXT, b"b", fin=False),
    "text behind a middle fragment": lambda w: w.frame(TEXT, b"a", fin=False)
    + w.frame(CONTINUATION, b"b", fin=False)
    + w.frame(TEXT, b"c"),
    "fragmented close": lambda w: w.frame(CLOSE, b"\x03\xe8", fin=False),
    "fragmented ping inside a message": lambda w: w.frame(TEXT, b"a", fin=False) + w.frame(PING, b"p", fin=False),
}
for name, build in STRAY.items():
    if name == "continuation behind a fragmented message":

        @case("fragmentation", name)
        def _(wire, build=build):
            wire.send(build(wire))
            wire.expect(TEXT, b"")
            wire.expect_failed(1002)

    else:
        fails("fragmentation", name, build, 1002)
        fails("fragmentation", name + ", octet by octet", build, 1002, slowly=True)

# UTF-8 (8.1, 5.6)

VALID = [
    "ascii only".encode(),
    b"\0 and \x7f",
    MIXED.encode(),
    "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff".encode(),
    "\ud7ff\ue000\ufffd".encode(),
    "\ufdd0\ufffe\uffff\U0001fffe\U0010ffff".encode(),  # noncharacters are characters here
    "\ufeffwith a byte order mark".encode(),
    "e\u0301 o\u0302\u0323".encode(),
]

INVALID = {
    "lone continuation 80": "80",
    "lone continuation bf": "bf",
    "two lone continuations": "bf80",
    "overlong c0 80": "c080",
    "overlong c1 bf": "c1bf",
    "overlong e0 80 80": "e08080",
    "overlong e0 9f bf": "e09fbf",
    "overlong f0 80 80 80": "f0808080",
    "overlong f0 8f bf bf": "f08fbfbf",
    "surrogate d800": "eda080",
    "surrogate dbff": "edafbf",
    "surrogate dc00": "edb080",
    "surrogate dfff": "edbfbf",
    "pair of surrogates": "eda081edb080",
    "beyond 10ffff: f4 90": "f4908080",
    "beyond 10ffff: f5": "f5808080",
    "beyond 10ffff: f7": "f7bfbfbf",
    "five octets": "f888808080",
    "six octets": "fc8480808080",
    "octet fe": "fe",
    "octet ff": "ff",
    "cut two-octet character, then ascii": "c241",
    "cut three-octet character, then ascii": "e28241",
    "three-octet lead, then ascii": "e241",
    "cut four-octet character, then ascii": "f09f9041",
    "two leads": "c2c2",
    "lead of four, lead of two": "f0c2",
    "latin-1": "e9e8e0",
}

CUT = {"two": "c2", "three, one there": "e2", "three, two there": "e282", "four, three there": "f09f90"}


def first_bad(data):
    """How many octets it takes until no continuation can make it valid; None if that never comes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for i in range(len(data)):
        try:
            decoder.decode(data[i : i + 1])
        except UnicodeDecodeError:
            return i + 1
    return None


def valid_case(text):
    def run(wire):
        wire.echo(TEXT, text)
        wire.echo(TEXT, text, [1])
        for cut in range(len(text) + 1):
            wire.send(wire.frames(text, [cut]))
            wire.expect(TEXT, text)
        wire.send_in_pieces(wire.frames(text, [1] * (len(text) - 1)), [1])
        wire.expect(TEXT, text)

    return run


for number, text in enumerate(VALID):
    CASES.append(("utf-8", f"valid {number}: whole, every split, octet by octet", valid_case(text), ()))


@case("utf-8", "a character cut by a frame border, with a ping in between")
def _(wire):
    cat = "🐈".encode()
    for cut in (1, 2, 3):
        wire.send(wire.frame(TEXT, cat[:cut], fin=False) + wire.frame(PING, b"\xff"))
        wire.expect(PONG, b"\xff")
        wire.send(wire.frame(CONTINUATION, cat[cut:]))
        wire.expect(TEXT, cat)


@case("utf-8", "binary is not judged")
def _(wire):
    for digits in INVALID.values():
        wire.echo(BINARY, bytes.fromhex(digits))


def fail_fast_frame(bad):
    """A fragment that ends with the first bad octet, and nothing more."""

    def run(wire):
        wire.send(wire.frame(TEXT, bad[: first_bad(bad)], fin=False))
        wire.expect_failed(1007)

    return run


def fail_fast_octet(bad):
    """A frame of which only the octets up to the first bad one are sent."""

    def run(wire):
        end = first_bad(bad)
        data = wire.frame(TEXT, bad + b"." * 1000)
        wire.send(data[: len(data) - len(bad) - 1000 + end])
        wire.expect_failed(1007)

    return run


for name, digits in INVALID.items():
    bad = MIXED.encode() + bytes.fromhex(digits)
    fails("utf-8", f"invalid: {name}", lambda w, b=bad: w.frame(TEXT, b + b" tail"), 1007)
    fails("utf-8", f"invalid: {name}, a frame for each octet", lambda w, b=bad: w.frames(b, [1] * (len(b) - 1)), 1007)
    CASES.append(("utf-8", f"invalid: {name}, at the end of a first fragment: fails at once", fail_fast_frame(bad), ()))
    CASES.append(("utf-8", f"invalid: {name}, rest of the frame not sent: fails at once", fail_fast_octet(bad), ()))
for name, digits in CUT.items():
    bad = bytes.fromhex(digits)
    fails("utf-8", f"cut character of {name}", lambda w, b=bad: w.frame(TEXT, b"x" + b), 1007)
    fails("utf-8", f"cut character of {name}, in two frames", lambda w, b=bad: w.frames(b"x" + b, [1]), 1007)
    fails("utf-8", f"cut character of {name}, empty last frame", lambda w, b=bad: w.frames(b, [len(b)]), 1007)
for size in (100, 1000, 70000):
    for at in (0, size // 2, size - 1):
        spoiled = b"a" * at + b"\xff" + b"a" * (size - 1 - at)
        fails("utf-8", f"one bad octet at {at} of {size}", lambda w, b=spoiled: w.frame(TEXT, b), 1007)

# Close (5.5.1, 7.1, 7.4)

GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4999)
BAD_CODES = (0, 1, 255, 256, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1099, 1100, 1999, 2000, 2001, 2500, 2999, 5000)
BAD_CODES += (5001, 6455, 32768, 65535)


def close_case(payload, told, pieces=None):
    def run(wire):
        wire.echo(TEXT, b"before")
        data = wire.frame(CLOSE, payload)
        wire.send_in_pieces(data, pieces or [len(data)])
        wire.expect_closed(*([1000, 1005] if told == 1005 else [told]), told=told)

    return run


GOOD_CODES += tuple(range(3017, 5000, 41))
BAD_CODES += tuple(code for code in range(3, 3000, 41) if not 1000 <= code <= 1014)

for code in GOOD_CODES:
    CASES.append(("close", f"code {code} is echoed", close_case(struct.pack(">H", code), code), ()))
for code in BAD_CODES:
    fails("close", f"code {code} must not be sent", lambda w, c=code: w.frame(CLOSE, struct.pack(">H", c)), 1002)

CASES.append(("close", "without a code", close_case(b"", 1005), ()))
CASES.append(("close", "octet by octet", close_case(b"\x0f\xa0" + MIXED.encode(), 4000, [1]), ()))
CASES.append(("close", "reason of 123 octets", close_case(b"\x03\xe8" + text_of(123), 1000), ()))
CASES.append(("close", "reason with every length of character", close_case(b"\x03\xe9" + MIXED.encode(), 1001), ()))
fails("close", "payload of one octet", lambda w: w.frame(CLOSE, b"\x03"), 1002)
fails("close", "payload of one octet, octet by octet", lambda w: w.frame(CLOSE, b"\x03"), 1002, slowly=True)
fails("close", "payload of 126 octets", lambda w: w.frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002)
for name, digits in {**INVALID, **CUT}.items():
    bad = b"\x03\xe8ok " + bytes.fromhex(digits)
    fails("close", f"reason is not UTF-8: {name}", lambda w, b=bad: w.frame(CLOSE, b), 1007, 1002)
bad_reason = b"\x03\xe8" + b"\xff" * 3
fails("close", "reason is not UTF-8, octet by octet", lambda w: w.frame(CLOSE, bad_reason), 1007, 1002, slowly=True)


def behind_close(name, build):
    @case("close", name)
    def _(wire):
        wire.echo(TEXT, b"before")
        wire.send(wire.frame(CLOSE, b"\x03\xe8done") + build(wire))
        wire.expect_closed(1000, told=1000)


behind_close("twice: one answer", lambda w: w.frame(CLOSE, b"\x03\xe9"))
behind_close("a ping behind it is not answered", lambda w: w.frame(PING, b"late"))
behind_close("a message behind it is not delivered", lambda w: w.frame(TEXT, b"late"))
behind_close("a malformed frame behind it is ignored", lambda w: w.frame(7, b"late", rsv=7))
behind_close("1 MiB behind it is read and dropped", lambda w: w.frame(BINARY, bytes_of(MIB)))


@case("close", "inside a fragmented message")
def _(wire):
    wire.send(wire.frame(TEXT, b"half", fin=False) + wire.frame(CLOSE, b"\x03\xe8"))
    wire.expect_closed(1000, told=1000)


@case("close", "behind 8 MiB that we have not read: all of it arrives first")
def _(wire):
    payload = bytes_of(MIB)
    wire.send(b"".join(wire.frame(BINARY, payload) for _ in range(8)) + wire.frame(CLOSE, b"\x03\xe8"))
    for _ in range(8):
        wire.expect(BINARY, payload)
    wire.expect_closed(1000, told=1000)


@case("close", "the transport ends without it")
def _(wire):
    wire.echo(TEXT, b"before")
    wire.shut()
    wire.expect_end()
    wire.outcome, wire.code = "failed", 1006
    wire.close()


@case("close", "the transport ends inside a frame")
def _(wire):
    wire.echo(TEXT, b"before")
    wire.send(wire.frame(TEXT, b"cut short")[:7])
    wire.shut()
    wire.expect_end()
    wire.outcome, wire.code = "failed", 1006
    wire.close()


# Lengths and limits (5.2, 10.4)

LIMITS = ("--max-message", "100000", "--max-frame", "70000")

fails("limits", "announces 2^63 octets", lambda w: w.frame(BINARY, announce=1 << 63), 1002, 1009)
fails("limits", "announces 2^64-1 octets", lambda w: w.frame(BINARY, announce=(1 << 64) - 1), 1002, 1009)
for name, size in {"2^62": 1 << 62, "2^63-1": (1 << 63) - 1, "2^32": 1 << 32, "16 MiB + 1": 16 * MIB + 1}.items():
    fails("limits", f"announces {name} octets", lambda w, s=size: w.frame(BINARY, announce=s), 1009)


@case("limits", "a length over the limit is refused before any payload came")
def _(wire):
    wire.send(wire.frame(TEXT, announce=16 * MIB + 1))
    wire.expect_failed(1009)


@case("limits", "the same, octet by octet")
def _(wire):
    wire.send_in_pieces(wire.frame(TEXT, announce=1 << 40)[:10], [1])
    if wire.testee_is_server:
        wire.send(b"\0\0\0\0")
    wire.expect_failed(1009)


for size, form in ((0, 16), (5, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64)):
    fails(
        "limits",
        f"length {size} in {form} bits is not the shortest form",
        lambda w, s=size, f=form: w.frame(BINARY, bytes_of(s), form=f),
        1002,
    )


@case("limits", "a message of exactly the limit, in frames within theirs", LIMITS)
def _(wire):
    for opcode, message in ((TEXT, text_of(100000)), (BINARY, bytes_of(100000))):
        wire.send(wire.frames(message, [70000], opcode))
        wire.expect(opcode, message)
    wire.echo(TEXT, text_of(70000))


def over(build):
    def run(wire):
        wire.echo(TEXT, b"before")
        wire.send(build(wire))
        wire.expect_failed(1009)

    return run


OVER = {
    "a frame of one octet too many": lambda w: w.frame(BINARY, bytes_of(70001)),
    "only the header of a frame of one octet too many": lambda w: w.frame(BINARY, announce=70001),
    "fragments of one octet too many": lambda w: w.frames(bytes_of(100001), [50000], BINARY),
    "a last fragment that announces one octet too many": lambda w: w.frame(BINARY, bytes_of(50000), fin=False)
    + w.frame(CONTINUATION, announce=50001),
    "a limit crossed by the 1001st fragment": lambda w: w.frame(BINARY, bytes_of(100), fin=False)
    + b"".join(w.frame(CONTINUATION, bytes_of(100), fin=False) for _ in range(1000)),
}
for name, build in OVER.items():
    CASES.append(("limits", name, over(build), LIMITS))


@case("limits", "control frames do not count", LIMITS)
def _(wire):
    wire.send(wire.frame(BINARY, bytes_of(50000), fin=False))
    for _ in range(1000):
        wire.send(wire.frame(PING, bytes_of(125)))
    wire.send(wire.frame(CONTINUATION, bytes_of(50000)))
    while True:
        opcode, payload = wire.receive()
        if opcode == BINARY:
            break
        if (opcode, payload) != (PONG, bytes_of(125)):
            raise Failure(f"{NAMES[opcode]} came")
    if payload != bytes_of(50000) * 2:
        raise Failure("the message is not what was sent")
    wire.events.append("MESSAGE binary 100000")


@case("limits", "16,384 fragments")
def _(wire):
    wire.send(wire.frames(bytes_of(16384), [1] * 16383, BINARY))
    wire.expect(BINARY, bytes_of(16384))


fails("limits", "16,385 fragments", lambda w: w.frames(bytes_of(16385), [1] * 16384, BINARY), 1008)
fails(
    "limits",
    "an unfinished message in more fragments than there may be",
    lambda w: w.frame(TEXT, b"", fin=False) + w.frame(CONTINUATION, b"", fin=False) * 4,
    1008,
    flags=("--max-fragments", "4"),
)


@case("limits", "20,000 fragments where that is no limit", ("--max-fragments", "off"))
def _(wire):
    wire.send(wire.frames(bytes_of(20000), [1] * 19999, BINARY))
    wire.expect(BINARY, bytes_of(20000))


@case("limits", "1,000 pongs and pings", ("--max-control-rate", "1000"))
def _(wire):
    wire.send(wire.frame(PONG) * 999 + wire.frame(PING, b"last"))
    wire.expect(PONG, b"last")


fails("limits", "11 pongs where 10 are allowed within a second", lambda w: w.frame(PONG) * 11, 1008, flags=("--max-control-rate", "10"))


@case("limits", "an idle connection is closed with 1001", ("--idle-timeout-ms", "300"))
def _(wire):
    wire.echo(TEXT, b"not yet")
    wire.expect_close_request(1001)
    wire.outcome = "idle"  # clean, and the testee says why


@case("limits", "a limit of 1 octet", ("--max-message", "1"))
def _(wire):
    wire.echo(TEXT, b"")
    wire.echo(TEXT, b"x")
    wire.send(wire.frame(TEXT, b"xy"))
    wire.expect_failed(1009)


@case("limits", "no limit: 17 MiB", ("--max-message", "off"))
def _(wire):
    wire.echo(BINARY, bytes_of(17 * MIB))


# Masking (5.1)

for opcode, payload in ((TEXT, b""), (TEXT, b"x"), (BINARY, b"x"), (PING, b""), (PONG, b"x"), (CLOSE, b"\x03\xe8")):
    fails(
        "masking",
        f"{NAMES[opcode]} {'with' if payload else 'without'} payload, masked as only the other role may",
        lambda w, o=opcode, p=payload: w.frame(o, p, mask="wrong"),
        1002,
    )
fails("masking", "wrong in the last fragment", lambda w: w.frame(TEXT, b"a", fin=False) + w.frame(0, b"b", mask="wrong"), 1002)
fails("masking", "wrong, octet by octet", lambda w: w.frame(TEXT, b"x", mask="wrong"), 1002, slowly=True)


@case("masking", "a client's keys differ from frame to frame")
def _(wire):
    if not wire.testee_is_server:
        keys = set()
        for _ in range(200):
            wire.send(wire.frame(BINARY, b"1234"))
            wire.fill(10)
            keys.add(bytes(wire.inbox[2:6]))
            wire.expect(BINARY, b"1234")
        if len(keys) < 199:
            raise Failure(f"{len(keys)} different keys in 200 frames")
