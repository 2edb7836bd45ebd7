"""Conformance cases of permessage-deflate (RFC 7692), with Python's zlib as the other side.

Most cases are functions that get an open DeflateWire to the testee, in either role; those of the negotiation are made for
one role, as in cases_handshake.py.

covers: D001 D002 D003 D004 D005 D006 D008 D009 D010 D011 D012 D013 D014 D015 D016 D017 D018 D019 D020 D021 D022
covers: D023 D024 D025 D026 D027 D028 D029 D030 D031 D032 D033 D034 D035 D036 D037 D038 D039 D040 D041 D042 D043
covers: D044 D045 D046 D047 D048 D049 D050 D052 D053 D054 D055 D056 D057 D058 D059 D060 D061 D062 D063
"""

import functools
import json
import os
import random
import re
import struct
import subprocess
import zlib

from cases_frames import CUT, INVALID, KIB, MIB, MIXED, bytes_of, text_of
from cases_handshake import ACCEPT, head_of
from testee import SKIPPED, connect, find, one, parse_head, response
from wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NAMES,
    PATIENCE,
    PING,
    PONG,
    RSV1,
    TAIL,
    TEXT,
    Agreement,
    Deflater,
    DeflateWire,
    Failure,
    Inflater,
    Stream,
    at_border,
    shown,
)

CASES = []  # (category, name, function(link), flags of the testee, parameters to be agreed; None: nothing is)
SERVER_CASES = []  # (name, function(server, stream), flags)
CLIENT_CASES = []  # (name, function(stream, head) -> expectation, flags)

TOKEN = "permessage-deflate"
DEDICATED = ("--deflate", "dedicated")
SHARED = ("--deflate", "shared")
BOTH_FRESH = "client_no_context_takeover; server_no_context_takeover"


def case(category, name, params="", flags=DEDICATED):
    def add(function):
        CASES.append((category, name, function, tuple(flags), params))
        return function

    return add


def is_built_with_compression():
    """An address that is none ends the client, unless it had to end before."""
    command = [find("wsuv-testee-client"), "--deflate", "shared", "none"]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode != SKIPPED


# Parameters (7.1)

PARAMETERS = (
    "client_max_window_bits",
    "server_max_window_bits",
    "client_no_context_takeover",
    "server_no_context_takeover",
)


def parse_element(text):
    """The parameters of one element, with their values or None."""
    token, *rest = [part.strip() for part in text.split(";")]
    if token != TOKEN:
        raise Failure(f"extension {token!r}")
    params = {}
    for part in rest:
        name, equals, value = part.partition("=")
        if name not in PARAMETERS or name in params:
            raise Failure(f"parameter {name!r} is unknown or there twice: {text!r}")
        if equals and (name.endswith("takeover") or not re.fullmatch("8|9|1[0-5]", value)):
            raise Failure(f"value {value!r} in {text!r}")
        if not equals and name == "server_max_window_bits":
            raise Failure(f"a value is missing: {text!r}")
        params[name] = value if equals else None
    return params


def element(params):
    """As text; the parameters are text, or what parse_element makes of it."""
    if isinstance(params, dict):
        params = "; ".join(name if value is None else f"{name}={value}" for name, value in params.items())
    return f"{TOKEN}; {params}" if params else TOKEN


def field(*elements):
    return b"Sec-WebSocket-Extensions: " + ", ".join(elements).encode()


def bits_of(params, name):
    return int(params.get(name) or 15)


def agreement_of(offer, answer):
    """What an answer to an offer comes to. A client's hints bind it whatever the answer says (7.1.1.2, 7.1.2.2)."""
    return Agreement(
        client_bits=min(bits_of(answer, "client_max_window_bits"), bits_of(offer, "client_max_window_bits")),
        server_bits=bits_of(answer, "server_max_window_bits"),
        client_takeover="client_no_context_takeover" not in {**offer, **answer},
        server_takeover="server_no_context_takeover" not in answer,
    )


def judge_answer(offer, answer):
    """What a server must and must not say (7.1.1.1, 7.1.2.1, 7.1.2.2)."""
    if "server_no_context_takeover" in offer and "server_no_context_takeover" not in answer:
        raise Failure("server_no_context_takeover is ignored")
    if "server_max_window_bits" in offer:
        if "server_max_window_bits" not in answer:
            raise Failure("server_max_window_bits is ignored")
        if bits_of(answer, "server_max_window_bits") > bits_of(offer, "server_max_window_bits"):
            raise Failure("a larger window than was asked for")
    if "client_max_window_bits" in answer:
        if "client_max_window_bits" not in offer:
            raise Failure("client_max_window_bits, which the client does not know")
        if answer["client_max_window_bits"] is None:
            raise Failure("client_max_window_bits without a value")


def event_of(agreement):
    """The line that the client testee prints behind OPEN."""
    takeover = {True: "takeover", False: "no takeover"}
    return (
        f"DEFLATE deflate {agreement.client_bits} {takeover[agreement.client_takeover]}, "
        f"inflate {agreement.server_bits} {takeover[agreement.server_takeover]}"
    )


def answered(stream):
    """The extensions in the server's 101, which is judged."""
    start, fields = parse_head(stream.take_head())
    if not start.startswith("HTTP/1.1 101 "):
        raise Failure(f"answered {start!r}")
    if one(fields, "sec-websocket-accept") != ACCEPT:
        raise Failure("wrong Sec-WebSocket-Accept")
    return [value for name, value in fields if name == "sec-websocket-extensions"]


def open_to_server(stream, params):
    """A connection to a server testee on which the parameters are agreed, or with None nothing."""
    if params is None:
        stream.send(head_of())
        if answered(stream):
            raise Failure("an extension was answered and not offered")
        return DeflateWire(stream.sock, True, None, stream.inbox)
    wanted = parse_element(element(params))
    offer = wanted if "client_max_window_bits" in wanted else {**wanted, "client_max_window_bits": None}
    stream.send(head_of(add=[field(element(offer))]))
    answer = parse_element(", ".join(answered(stream)))
    judge_answer(offer, answer)
    return DeflateWire(stream.sock, True, agreement_of(offer, answer), stream.inbox)


def offers_of(head):
    """What a client testee offers: parsed elements."""
    values = [value for name, value in parse_head(head)[1] if name == "sec-websocket-extensions"]
    return [parse_element(text) for text in ", ".join(values).split(",") if text.strip()]


def open_to_client(stream, head, params):
    """The same for a client testee, whose request came. What it asks of us it gets."""
    if params is None:
        stream.send(response(head))
        return DeflateWire(stream.sock, False, None)
    offer, answer = offers_of(head)[0], parse_element(element(params))
    if "server_no_context_takeover" in {**offer, **answer}:
        answer["server_no_context_takeover"] = None
    stream.send(response(head, [field(element(answer))]))
    return DeflateWire(stream.sock, False, agreement_of(offer, answer))


def outcome_of(link):
    """What the client testee must have printed."""
    events = link.events if link.agreement is None else [event_of(link.agreement), *link.events]
    return ("open" if link.outcome == "clean" else "failed"), events, link.code


# DEFLATE (RFC 1951) by hand, so that what zlib would let pass is seen


def canonical(lengths):
    """{code with a leading 1: symbol} (RFC 1951 3.2.2)."""
    table, code = {}, 0
    for length in range(1, 16):
        for symbol, its_length in enumerate(lengths):
            if its_length == length:
                table[1 << length | code] = symbol
                code += 1
        code <<= 1
    return table


def extra_bits(first, extras):
    """(base, extra bits) of symbols in a row."""
    rows = []
    for extra in extras:
        rows.append((first, extra))
        first += 1 << extra
    return rows


LENGTHS = extra_bits(3, [0] * 8 + [n // 4 for n in range(4, 24)]) + [(258, 0)]
DISTANCES = extra_bits(1, [0, 0] + [n // 2 for n in range(28)])
FIXED = canonical([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), canonical([5] * 30)
CODE_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)


class Blocks:
    """Reads a raw stream block by block; the octets themselves are not kept."""

    def __init__(self, data):
        self.data, self.at = data, 0
        self.farthest = 0  # distance
        self.last = None  # (type, octets) of the latest block
        while self.at < 8 * len(data):
            self._block()

    def _bits(self, count):
        if self.at + count > 8 * len(self.data):
            raise Failure("the stream ends inside a block")
        first = self.at >> 3
        word = int.from_bytes(self.data[first : first + 4], "little") >> (self.at & 7)
        self.at += count
        return word & (1 << count) - 1

    def _symbol(self, table):
        code = 1
        while code not in table:
            code = code << 1 | self._bits(1)
            if code > 1 << 15:
                raise Failure("no such code")
        return table[code]

    def _block(self):
        if self._bits(1):
            raise Failure("a final block")
        kind = self._bits(2)
        if kind == 0:
            size = self._stored()
        elif kind == 3:
            raise Failure("block type 3")
        else:
            size = self._compressed(*(FIXED if kind == 1 else self._codes()))
        self.last = kind, size

    def _stored(self):
        if self._bits(-self.at & 7):
            raise Failure("the padding of a stored block is not zero")
        size, check = self._bits(16), self._bits(16)
        if size ^ check != 0xFFFF:
            raise Failure("lengths of a stored block")
        self.at += 8 * size
        if self.at > 8 * len(self.data):
            raise Failure("the stream ends inside a stored block")
        return size

    def _codes(self):
        counts = self._bits(5) + 257, self._bits(5) + 1, self._bits(4) + 4
        lengths = [0] * 19
        for symbol in CODE_ORDER[: counts[2]]:
            lengths[symbol] = self._bits(3)
        table, lengths = canonical(lengths), []
        while len(lengths) < counts[0] + counts[1]:
            symbol = self._symbol(table)
            if symbol < 16:
                lengths.append(symbol)
            elif symbol == 16:
                lengths += lengths[-1:] * (3 + self._bits(2))
            else:
                lengths += [0] * (3 + self._bits(3) if symbol == 17 else 11 + self._bits(7))
        return canonical(lengths[: counts[0]]), canonical(lengths[counts[0] :])

    def _compressed(self, literals, distances):
        size = 0
        while True:
            symbol = self._symbol(literals)
            if symbol == 256:
                return size
            if symbol < 256:
                size += 1
                continue
            if symbol > 285:
                raise Failure("no such length")
            base, extra = LENGTHS[symbol - 257]
            size += base + self._bits(extra)
            base, extra = DISTANCES[self._symbol(distances)]
            self.farthest = max(self.farthest, base + self._bits(extra))


def packed(*fields):
    """Bits as DEFLATE packs them: (value, how many), or a string of the digits of a code."""
    word = at = 0
    for entry in fields:
        value, count = (int(entry[::-1], 2), len(entry)) if isinstance(entry, str) else entry
        word |= value << at
        at += count
    return word.to_bytes((at + 7) // 8, "little")


def is_stream(data):
    """Whether zlib takes a message, appended octets and all."""
    context = zlib.decompressobj(-15)
    try:
        context.decompress(data + TAIL)
    except zlib.error:
        return False
    return at_border(context) and not context.unused_data


# What is sent

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def noise(size, seed=7692):
    """Octets without a repeat in them."""
    return random.Random(seed).randbytes(size)


def far_repeats(size=40000, seed=1):
    """Text that repeats itself at distances from 60 to 32,000 octets, and between them does not."""
    rng = random.Random(seed)
    data = bytearray()
    while len(data) < size:
        data += "".join(rng.choices(LETTERS, k=40)).encode()
        back = rng.choice((60, 200, 240, 300, 480, 700, 1000, 1500, 2500, 5000, 10000, 20000, 32000))
        if back < len(data):
            data += data[len(data) - back :][:24]
    return bytes(data[:size])


def work_out(link):
    """Messages both ways under what was agreed; the wire's contexts judge them."""
    for _ in range(2):
        link.exchange(TEXT, far_repeats())
        link.exchange(TEXT, text_of(1000))
        link.send(link.frame(TEXT, b"as it is"))
        link.expect(TEXT, b"as it is")
    link.exchange(BINARY, b"")
    link.exchange(BINARY, bytes_of(3000))


# Negotiation: the server's side

BAD_BITS = ("7", "16", "08", "0", "-9", "+9", "9.0", "0x9", "1e1", "abc", "264", "4294967304", '"08"')
NO_TOKENS = ('""', '"9 "', '"9;"', '"9, 10"')
BAD_OFFERS = [
    *(f"{name}={value}" for name in ("server_max_window_bits", "client_max_window_bits") for value in BAD_BITS),
    "server_max_window_bits",
    *(
        f"{name}={value}"
        for name in ("server_no_context_takeover", "client_no_context_takeover")
        for value in ("1", "0", "true", "10", '"1"')
    ),
    "server_max_window_bits=10; server_max_window_bits=10",
    "server_max_window_bits=10; server_max_window_bits=11",
    "client_max_window_bits; client_max_window_bits",
    "client_max_window_bits; client_max_window_bits=10",
    "client_max_window_bits=10; client_max_window_bits=10",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; client_no_context_takeover",
    "foo",
    "foo=1",
    "server_max_window_bits=10; foo",
    "foo; server_max_window_bits=10",
    "max_window_bits=10",
    "no_context_takeover",
    "client_max_window_bits=10; server_max_window_bits=7",
]


def server_case(name, *flags):
    def add(function):
        SERVER_CASES.append((name, function, flags or DEDICATED))
        return function

    return add


def judge_handshake(stream, lines, expected, offer=""):
    """Sends the field lines; `expected` is the answer's parameters, None if there must be no answer."""
    stream.send(head_of(add=[b"Sec-WebSocket-Extensions: " + line.encode() for line in lines]))
    values = answered(stream)
    if expected is None:
        if values:
            raise Failure(f"{lines} was answered {values}")
        link = DeflateWire(stream.sock, True, None, stream.inbox)
        link.echo(TEXT, text_of(1000))
    else:
        answer, offered = parse_element(", ".join(values)), parse_element(element(offer))
        if answer != parse_element(element(expected)):
            raise Failure(f"expected {expected!r}, answered {values}")
        judge_answer(offered, answer)
        link = DeflateWire(stream.sock, True, agreement_of(offered, answer), stream.inbox)
        work_out(link)
    link.finish()


def offers(name, lines, expected, *flags, taken=None):
    """`taken` is the offer that is answered, if it is not the same as the answer."""

    @server_case(name, *flags)
    def _(_server, stream):
        judge_handshake(stream, lines, expected, expected or "" if taken is None else taken)


def plain_offer(params, expected, *flags):
    name = " ".join([*flags[1:], params or "no parameters"])
    offers(name, [element(params)], expected, *flags, taken=params)


plain_offer("", "")
plain_offer("client_max_window_bits", "")
for bits in range(8, 16):
    plain_offer(f"client_max_window_bits={bits}", f"client_max_window_bits={bits}")
    plain_offer(f"server_max_window_bits={bits}", f"server_max_window_bits={bits}")
    both = f"client_max_window_bits={bits}; server_max_window_bits={23 - bits}"
    plain_offer(both, both)
plain_offer("client_max_window_bits; server_max_window_bits=9", "server_max_window_bits=9")
plain_offer("client_no_context_takeover", "client_no_context_takeover")
plain_offer("server_no_context_takeover", "server_no_context_takeover")
plain_offer(BOTH_FRESH, BOTH_FRESH)
ALL_FOUR = f"{BOTH_FRESH}; server_max_window_bits=10; client_max_window_bits=11"
plain_offer(ALL_FOUR, ALL_FOUR)
TWO_BITS = "server_max_window_bits=10; client_max_window_bits=9"
offers("numbers in quotation marks", [element('server_max_window_bits="10"; client_max_window_bits="9"')], TWO_BITS)
offers("an escape in quotation marks", [element(r'server_max_window_bits="1\0"; client_max_window_bits="\9"')], TWO_BITS)
offers("white space", [f"\t{TOKEN} ;\tserver_max_window_bits=10 ;client_max_window_bits=9 "], TWO_BITS)

# What the server wants itself, 7.1.1 and 7.1.2: unasked, or smaller than what was offered.
for bits in (8, 9, 12, 15):
    own = (*DEDICATED, "--deflate-bits", str(bits))
    plain_offer("", f"server_max_window_bits={bits}", *own)
    for offered in (8, 10, 15):
        plain_offer(f"server_max_window_bits={offered}", f"server_max_window_bits={min(bits, offered)}", *own)
    own = (*DEDICATED, "--inflate-bits", str(bits))
    plain_offer("", "", *own)
    plain_offer("client_max_window_bits", f"client_max_window_bits={bits}", *own)
    for offered in (8, 10, 15):
        plain_offer(f"client_max_window_bits={offered}", f"client_max_window_bits={min(bits, offered)}", *own)
for flag, name in (
    ("--deflate-takeover", "server_no_context_takeover"),
    ("--inflate-takeover", "client_no_context_takeover"),
):
    plain_offer("", name, *DEDICATED, flag, "0")
    plain_offer(name, name, *DEDICATED, flag, "0")
    plain_offer(BOTH_FRESH, BOTH_FRESH, *DEDICATED, flag, "0")
plain_offer("", f"{BOTH_FRESH}; server_max_window_bits=12", *SHARED)
plain_offer("client_max_window_bits", f"{BOTH_FRESH}; server_max_window_bits=12", *SHARED)
plain_offer("server_max_window_bits=15", f"{BOTH_FRESH}; server_max_window_bits=12", *SHARED)
plain_offer("server_max_window_bits=8", f"{BOTH_FRESH}; server_max_window_bits=8", *SHARED)

for params in BAD_OFFERS:

    @server_case(f"declined: {params}")
    def _(server, stream, params=params):
        good = "server_max_window_bits=11"
        judge_handshake(stream, [element(params)], None)
        for lines in ([f"{element(params)}, {element(good)}"], [element(params), element(good)]):
            judge_handshake(Stream(connect(server.port)), lines, good, good)
        judge_handshake(Stream(connect(server.port)), [f"{element(good)}, {element(params)}"], good, good)


NINE = "server_max_window_bits=9"
offers("the first of two", [f"{element(NINE)}, {TOKEN}"], NINE)
offers("the first of two lines", [TOKEN, element(NINE)], "")
offers("the first of 20", [", ".join([TOKEN] * 20)], "")
offers("the last of 20", [", ".join([element("foo")] * 19 + [TOKEN])], "")
offers("behind other extensions", [f'x-foo; a="b", x-bar, {element(NINE)}, x-baz'], NINE)
offers("in a line behind other extensions", ["x-foo", "x-bar; q=1", TOKEN], "")
offers("empty elements", [f", ,{TOKEN},,"], "")
for other in ("x-webkit-deflate-frame", "deflate-frame", "permessage-bzip2", "permessage-deflate-2", "permessage"):
    offers(f"another extension: {other}", [other], None)
offers("it is off", [TOKEN], None, "--max-message", "off")


@server_case("no offer")
def _(_server, stream):
    link = open_to_server(stream, None)
    link.echo(TEXT, text_of(1000))
    link.finish()


# The whole list counts as no offer where a part of it is malformed: also a quoted value that is no token (RFC 6455 9.1).
MALFORMED = [
    *(f"{name}={value}" for name in PARAMETERS for value in NO_TOKENS),
    "server_max_window_bits=",
    "server_no_context_takeover=",
    "=10",
    "server_max_window_bits=9 9",
    "server_max_window_bits==9",
    'server_max_window_bits="9',
    "a b",
    ";",
    "; server_max_window_bits=9",
]
for params in MALFORMED:

    @server_case(f"malformed: {params}")
    def _(server, stream, params=params):
        judge_handshake(stream, [element(params)], None)
        for lines in ([f"{element(params)}, {TOKEN}"], [TOKEN, element(params)]):
            judge_handshake(Stream(connect(server.port)), lines, None)


# Negotiation: the client's side


def client_case(name, *flags):
    def add(function):
        CLIENT_CASES.append((name, function, flags or DEDICATED))
        return function

    return add


def judge_offers(head, expected):
    got = offers_of(head)
    if got != [parse_element(element(params)) for params in expected]:
        raise Failure(f"expected the offers {expected}, got {got}")


def takes(name, offered, params, *flags, lines=None, of=0):
    """An answer that is taken; `of` tells to which of the offers it is one, `lines` how it is written."""

    @client_case(" ".join([*flags[1:], name]), *flags)
    def _(stream, head):
        judge_offers(head, offered)
        stream.send(response(head, [field(line) for line in lines or [element(params)]]))
        agreement = agreement_of(parse_element(element(offered[of])), parse_element(element(params)))
        link = DeflateWire(stream.sock, False, agreement)
        work_out(link)
        link.finish()
        return outcome_of(link)


def refuses(name, *lines, flags=DEDICATED, errors=("EBADEXTENSION",)):
    """An answer that is not."""

    @client_case(" ".join([*flags[1:], "refused:", name]), *flags)
    def _(stream, head):
        stream.send(response(head, [field(line) for line in lines]))
        stream.expect_end()
        return "error", errors, None


HINT = "client_max_window_bits"

for bits in range(8, 16):
    takes(f"client_max_window_bits={bits}", [HINT], f"client_max_window_bits={bits}")
    takes(f"server_max_window_bits={bits}", [HINT], f"server_max_window_bits={bits}")
takes("no parameters", [HINT], "")
takes("client_no_context_takeover", [HINT], "client_no_context_takeover")
takes("server_no_context_takeover", [HINT], "server_no_context_takeover")
takes("both flags", [HINT], BOTH_FRESH)
takes("all four", [HINT], ALL_FOUR)
takes("numbers in quotation marks", [HINT], "server_max_window_bits=10", lines=[element('server_max_window_bits="10"')])
takes("white space", [HINT], "server_max_window_bits=10", lines=[f" {TOKEN} ;\tserver_max_window_bits=10 "])
takes("empty elements", [HINT], "", lines=[f",{TOKEN}, ,"])

# What the client wants itself: its hints hold whatever is answered, its demands as far as they are agreed to.
for bits in (8, 10, 15):
    own = (*DEDICATED, "--deflate-bits", str(bits))
    asked = f"client_max_window_bits={bits}"
    takes("no parameters", [asked], "", *own)
    for answer in (8, 12, 15):
        takes(f"client_max_window_bits={answer}", [asked], f"client_max_window_bits={answer}", *own)
    own = (*DEDICATED, "--inflate-bits", str(bits))
    asked = f"server_max_window_bits={bits}; {HINT}"
    takes(f"server_max_window_bits={bits}", [asked], f"server_max_window_bits={bits}", *own)
    takes("server_max_window_bits=8", [asked], "server_max_window_bits=8", *own)
    takes("no parameters, as if it had not asked", [asked], "", *own)
    strict = (*own, "--deflate-strict", "1")
    takes("server_max_window_bits=8", [asked], "server_max_window_bits=8", *strict)
    refuses("no parameters", TOKEN, flags=strict)
    if bits < 15:
        refuses("a larger window than was asked for", element(f"server_max_window_bits={bits + 1}"), flags=own)
        refuses("a larger window than was asked for", element("server_max_window_bits=15"), flags=strict)
own = (*DEDICATED, "--deflate-takeover", "0")
asked = f"client_no_context_takeover; {HINT}"
takes("no parameters", [asked], "", *own)
takes("client_no_context_takeover", [asked], "client_no_context_takeover", *own)
own = (*DEDICATED, "--inflate-takeover", "0")
asked = f"server_no_context_takeover; {HINT}"
takes("no parameters, as if it had not asked", [asked], "", *own)
strict = (*own, "--deflate-strict", "1")
for flags in (own, strict):
    takes("server_no_context_takeover", [asked], "server_no_context_takeover", *flags)
refuses("no parameters", TOKEN, flags=strict)
SHARED_OFFER = f"{BOTH_FRESH}; client_max_window_bits=12"
takes("the same", [SHARED_OFFER], SHARED_OFFER, *SHARED)
takes("no parameters", [SHARED_OFFER], "", *SHARED)
takes("server_no_context_takeover", [SHARED_OFFER], "server_no_context_takeover", *SHARED)
FALLBACK = (*DEDICATED, "--inflate-bits", "10", "--deflate-strict", "1", "--deflate-fallback", "1")
TWO_OFFERS = [f"server_max_window_bits=10; {HINT}", HINT]
takes("answers the first offer", TWO_OFFERS, "server_max_window_bits=10", *FALLBACK)
takes("answers the second offer", TWO_OFFERS, "", *FALLBACK, of=1)
takes("answers the second offer, with what it did not ask for", TWO_OFFERS, "server_max_window_bits=12", *FALLBACK, of=1)

for value in BAD_BITS:
    for name in ("server_max_window_bits", "client_max_window_bits"):
        refuses(f"{name}={value}", element(f"{name}={value}"))
for name in ("server_max_window_bits", "client_max_window_bits"):
    refuses(f"{name} without a value", element(name))
    refuses(f"{name} twice", element(f"{name}=10; {name}=10"))
    refuses(f"{name} twice, differently", element(f"{name}=10; {name}=11"))
for name in ("server_no_context_takeover", "client_no_context_takeover"):
    for value in ("1", "0", "true", '"1"'):
        refuses(f"{name}={value}", element(f"{name}={value}"))
    refuses(f"{name} twice", element(f"{name}; {name}"))
for params in ("foo", "foo=1", "server_max_window_bits=10; foo", "foo; server_max_window_bits=10", "max_window_bits=10"):
    refuses(f"unknown parameter: {params}", element(params))
refuses("twice in one line", f"{TOKEN}, {TOKEN}")
refuses("twice in one line, differently", f"{TOKEN}, {element('server_max_window_bits=10')}")
refuses("three times", f"{TOKEN}, {TOKEN}, {TOKEN}")
refuses("twice in two lines", TOKEN, TOKEN, errors=("EDUPLICATE",))
refuses("another extension", "x-foo", errors=("EEXTENSION",))
refuses("another extension beside it", f"{TOKEN}, x-foo", errors=("EEXTENSION",))
refuses("it was not offered", TOKEN, flags=("--max-message", "off"), errors=("EEXTENSION",))
for params in MALFORMED:
    refuses(f"malformed: {params}", element(params))
refuses("malformed: nothing", "")


@client_case("no answer: it works without")
def _(stream, head):
    judge_offers(head, [HINT])
    link = open_to_client(stream, head, None)
    link.echo(TEXT, text_of(1000))
    link.finish()
    return outcome_of(link)


# Data: what the testee receives (6, 7.2)

DATA = "deflate data"
HELLO = bytes.fromhex("f248cdc9c90700")
STORED = bytes.fromhex("000500faff48656c6c6f00")


@case(DATA, "7.2.3.1: one compressed block, whole and in two fragments")
def _(link):
    for sizes in ([], [3]):
        link.send(link.ready(HELLO, TEXT, sizes))
        link.expect(TEXT, b"Hello")
    if link.testee_is_server:
        return
    link.send(bytes.fromhex("c107f248cdc9c90700" + "4103f248cd8004c9c90700"))
    link.expect(TEXT, b"Hello")
    link.expect(TEXT, b"Hello")


@case(DATA, "7.2.3.2: the window of the message before")
def _(link):
    for data in (HELLO, HELLO, bytes.fromhex("f200110000")):
        link.send(link.ready(data))
        link.expect(TEXT, b"Hello")


@case(DATA, "7.2.3.3: a block without compression")
def _(link):
    link.send(link.ready(STORED))
    link.expect(TEXT, b"Hello")


@case(DATA, "7.2.3.4: a final block, and it goes on behind it")
def _(link):
    for digits in ("f348cdc9c9070000", "f248cdc9c90700", "f348cdc9c9070000", "f200110000"):
        link.send(link.ready(bytes.fromhex(digits)))
        link.expect(TEXT, b"Hello")
    work_out(link)


@case(DATA, "7.2.3.5: two blocks in one message")
def _(link):
    link.send(link.ready(bytes.fromhex("f248050000 00ffffcac9c90700")))
    link.expect(TEXT, b"Hello")


@case(DATA, "7.2.3.6: an empty message", flags=(*DEDICATED, "--deflate-threshold", "off"))
def _(link):
    for opcode in (TEXT, BINARY, TEXT):
        link.send(link.ready(b"\0", opcode))
        link.expect(opcode, b"")
        if not link.is_compressed() or link.last[0][1] != b"\0":
            raise Failure(f"the empty message came as {link.last}")
        link.exchange(opcode, text_of(100))


@case(DATA, "empty messages in other forms, and as they are")
def _(link):
    for digits in ("00", "0200", "030000", "0300030000", "000000ffff00", "000000ffff000000ffff00"):
        link.send(link.ready(bytes.fromhex(digits)))
        link.expect(TEXT, b"")
    link.echo(TEXT, b"")
    link.send(link.ready(b"\0", BINARY, [0, 0]) + link.ready(b"\0", BINARY, [1, 0]))
    link.expect(BINARY, b"")
    link.expect(BINARY, b"")


@case(DATA, "sizes at the borders of the length forms")
def _(link):
    for size in (0, 1, 2, 15, 16, 63, 64, 125, 126, 127, 128, 511, 512, 4095, 4096, 65535, 65536, 65537, 300000):
        link.exchange(TEXT, text_of(size))
        link.exchange(BINARY, noise(size, size))


@case(DATA, "every size below 500")
def _(link):
    link.send(b"".join(link.compressed(text_of(size)) for size in range(500)))
    for size in range(500):
        link.expect(TEXT, text_of(size))


@case(DATA, "4 MiB of text, 4 MiB that is not to be compressed")
def _(link):
    link.exchange(TEXT, records(4 * MIB))
    link.exchange(BINARY, noise(4 * MIB))


@case(DATA, "octet by octet on the wire")
def _(link):
    for message in (text_of(300), text_of(2000)):
        link.send_in_pieces(link.compressed(message), [1])
        link.expect(TEXT, message)
        link.send_in_pieces(link.compressed(message, TEXT, [1, 0, 5]), [1])
        link.expect(TEXT, message)


@case(DATA, "a frame for each octet")
def _(link):
    for message in (text_of(100), noise(3000)):
        data = link.deflater.message(message)
        link.send(link.ready(data, BINARY, [1] * (len(data) - 1)))
        link.expect(BINARY, message)


@case(DATA, "cut into two fragments at every octet, with a ping between")
def _(link):
    for message in (text_of(80), far_repeats(700)):
        size = len(link.deflater.message(message))
        link.deflater.forget()
        for cut in range(size + 1):
            data = link.deflater.message(message)
            link.deflater.forget()
            link.send(link.frame(TEXT, data[:cut], fin=False, rsv=RSV1) + link.frame(PING, b"%d" % cut))
            link.expect(PONG, b"%d" % cut)
            link.send(link.frame(CONTINUATION, data[cut:]))
            link.expect(TEXT, message)


@case(DATA, "empty fragments before, between and behind")
def _(link):
    for sizes in ([0], [0, 0, 0], [1, 0], [3, 0, 0], [0, 1, 0, 2, 0]):
        link.exchange(TEXT, text_of(200), sizes)
        data = link.deflater.message(text_of(200))
        link.send(link.ready(data, TEXT, [*sizes, len(data) - sum(sizes)]))
        link.expect(TEXT, text_of(200))


@case(DATA, "compressed and not, in turn; only what was compressed is in the window")
def _(link):
    for turn in range(50):
        link.exchange(TEXT, text_of(300 + turn))
        link.echo(TEXT, far_repeats(300 + turn, turn))
        link.send(link.frames(text_of(500), [100, 0, 100]))
        link.expect(TEXT, text_of(500))
        link.exchange(BINARY, far_repeats(400, turn))


@case(DATA, "200 messages that refer to those before")
def _(link):
    whole, referring = 0, 0
    for turn in range(200):
        message = far_repeats(500, turn % 20) + b"%d" % turn
        link.exchange(TEXT, message)
        if turn < 20:
            whole += link.octets()
        elif turn < 40:
            referring += link.octets()
    if referring * 4 > whole:
        raise Failure(f"20 messages came as {whole} octets, and as {referring} when they came again")


@case(DATA, "200 messages of which none does, though it may")
def _(link):
    for turn in range(200):
        link.deflater.forget()
        link.exchange(TEXT, far_repeats(500, turn % 20))


@case(DATA, "without context takeover each message stands by itself", BOTH_FRESH)
def _(link):
    sizes = set()
    for _ in range(20):
        link.exchange(TEXT, far_repeats(500, 3))
        sizes.add(link.octets())
    if len(sizes) != 1:
        raise Failure(f"one message took {sorted(sizes)} octets")


for params in ("client_no_context_takeover", "server_no_context_takeover"):

    @case(DATA, f"{params} only", params)
    def _(link):
        for turn in range(40):
            link.exchange(TEXT, far_repeats(500, turn % 4))


@case(DATA, "all levels, strategies and memory of a compressor")
def _(link):
    message = far_repeats(20000)
    for level in range(10):
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED):
            maker = zlib.compressobj(level, zlib.DEFLATED, -15, 1 + (level + strategy) % 9, strategy)
            data = maker.compress(message) + maker.flush(zlib.Z_SYNC_FLUSH)
            link.send(link.ready(data[: -len(TAIL)], BINARY))
            link.expect(BINARY, message)


@case(DATA, "blocks of all types in a message, flushed in every way")
def _(link):
    maker = zlib.compressobj(6, zlib.DEFLATED, -15)
    message, data = b"", b""
    for turn, flush in enumerate([zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK] * 5):
        piece = noise(300, turn) if turn % 3 == 0 else text_of(20 * turn)
        message += piece
        data += maker.compress(piece) + maker.flush(flush)
    data += maker.flush(zlib.Z_SYNC_FLUSH)
    link.send(link.ready(data.removesuffix(TAIL), BINARY))
    link.expect(BINARY, message)
    link.send(link.ready(STORED[:-1] * 3 + b"\0"))
    link.expect(TEXT, b"Hello" * 3)


@case(DATA, "final blocks inside messages, and what refers behind them")
def _(link):
    final = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = final.compress(text_of(200)) + final.flush()
    link.send(link.ready(data + HELLO))
    link.expect(TEXT, text_of(200) + b"Hello")
    referring = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=text_of(200) + b"Hello")
    again = referring.compress(text_of(200)) + referring.flush()
    if len(again) > 20:
        raise ValueError("it does not refer back")
    link.send(link.ready(again + b"\0"))
    link.expect(TEXT, text_of(200))


@case(DATA, "a distance of 32,768")
def _(link):
    first = noise(32768)
    link.send(link.compressed(first, BINARY))
    link.expect(BINARY, first)
    # Fixed block: length 258, distance 32768, end of block; then the octet of the empty stored block.
    link.send(link.ready(packed((0, 1), (1, 2), "11000101", "11101", (8191, 13), "0000000", (0, 3)), BINARY))
    link.expect(BINARY, first[:258])


@case(DATA, "the window is full from wall to wall", "client_max_window_bits=15; server_max_window_bits=15")
def _(link):
    for turn in range(4):
        link.exchange(TEXT, far_repeats(100000, turn % 2))


@case(DATA, "text is judged once it is inflated")
def _(link):
    for text in (MIXED.encode(), "\u0080\u07ff\u0800\uffff\U0010ffff".encode(), b"\0\x7f"):
        data = link.deflater.message(text * 5)
        link.send(link.ready(data, TEXT, [1] * (len(data) - 1)))
        link.expect(TEXT, text * 5)
    for digits in INVALID.values():
        link.exchange(BINARY, bytes.fromhex(digits) * 20)


def compress_alone(message):
    return Deflater(15, False).message(message)


def fails(name, build, *codes, params="", flags=DEDICATED, category=DATA):
    """After a good message, what `build` gives must fail the connection: it is not delivered, what follows is ignored."""

    @case(category, name, params, flags)
    def _(link):
        if link.agreement is None:
            link.echo(TEXT, text_of(300))
        else:
            link.exchange(TEXT, text_of(300))
        link.deflater.forget()
        link.send(build(link) + link.frame(TEXT, b"behind") + link.frame(PING, b"behind"))
        link.expect_failed(*codes)


# Reserved bits (6)

for opcode in (PING, PONG, CLOSE):
    for payload in (b"", b"\x03\xe8", HELLO):
        fails(
            f"RSV1 on {NAMES[opcode]} of {len(payload)} octets",
            lambda link, o=opcode, p=payload: link.frame(o, p, rsv=RSV1),
            1002,
        )


def begun(link, rsv=RSV1):
    """The first fragment of a message, compressed or not."""
    return link.frame(TEXT, HELLO[:3] if rsv else b"Hel", fin=False, rsv=rsv)


fails("RSV1 on a ping inside a compressed message", lambda link: begun(link) + link.frame(PING, rsv=RSV1), 1002)
for rsv, what in ((RSV1, "compressed"), (0, "plain")):
    for fin in (False, True):
        fails(
            f"RSV1 on the {'last' if fin else 'second'} fragment of a {what} message",
            lambda link, r=rsv, f=fin: begun(link, r) + link.frame(CONTINUATION, HELLO[3:], fin=f, rsv=RSV1),
            1002,
        )
fails("RSV1 on a continuation without a start", lambda link: link.frame(CONTINUATION, HELLO, rsv=RSV1), 1002)
for rsv in (1, 2, 3, 5, 6, 7):
    for opcode in (TEXT, BINARY, CONTINUATION, PING):
        fails(f"RSV {rsv:03b} on {NAMES[opcode]}", lambda link, r=rsv, o=opcode: link.frame(o, HELLO, rsv=r), 1002)
for opcode in (3, 7, 11, 15):
    fails(f"RSV1 on opcode {opcode}", lambda link, o=opcode: link.frame(o, HELLO, rsv=RSV1), 1002)
for opcode in (TEXT, BINARY):
    fails(
        f"RSV1 on {NAMES[opcode]}, and nothing was agreed",
        lambda link, o=opcode: link.frame(o, HELLO, rsv=RSV1),
        1002,
        params=None,
    )

# Text that is none (6, RFC 6455 8.1)

for name, digits in {**INVALID, **{f"cut character of {name}": digits for name, digits in CUT.items()}}.items():
    bad = MIXED.encode() + bytes.fromhex(digits)
    fails(f"not UTF-8: {name}", lambda link, b=bad: link.compressed(b), 1007)
    fails(f"not UTF-8: {name}, in fragments", lambda link, b=bad: link.compressed(b, TEXT, [5, 0, 20]), 1007)
for at in (0, 5000, 99999):
    bad = b"a" * at + b"\xff" + b"a" * (99999 - at)
    fails(f"not UTF-8: octet {at} of 100,000", lambda link, b=bad: link.compressed(b), 1007)

# Streams that are none (7.2.2)

SKEWED = "".join(random.Random(3).choices("aaaaaabbbc", k=150)).encode()  # worth a dynamic block
BROKEN = {
    "block type 3": "06",
    "final block of type 3": "07",
    "block type 3 behind a good block": (HELLO[:-1] + b"\0\0\0\xff\xff\6").hex(),
    "lengths of a stored block do not match": "0005000000" + b"Hello\0".hex(),
    "lengths of a stored block do not match, by a bit": "000500fbff" + b"Hello\0".hex(),
    "too many symbols": "fc0000",
    "code lengths that are no code": "0400feff",
    "a repeat of no code length": "0400244900",
    "a repeat of too many code lengths": "040024e9ffff",
    "no end of block": "040024e9ff6d",
    "literal codes that are no code": "048049922449922471ffff931100",
    "distance codes that are no code": "04804992244992240fb4ffffc384",
    "a literal code that is none": "04c0810800000000207feb0b0000",
    "a distance code that is none": "027effff",
    "a distance into nothing": "0cc081000000000090ff6b0400",
    "junk behind a final block": (bytes.fromhex("f348cdc9c90700") + b"\xff\xff").hex(),
    "more junk behind a final block": (bytes.fromhex("f348cdc9c90700") + noise(50)).hex(),
    "text that was not compressed": b"Hello, this is text".hex(),
}
for name, digits in BROKEN.items():
    data = bytes.fromhex(digits)
    fails(f"broken: {name}", lambda link, d=data: link.ready(d), 1007)
    fails(f"broken: {name}, in fragments", lambda link, d=data: link.ready(d, BINARY, [1, 0, 1]), 1007)
    fails(f"broken: {name}, without context takeover", lambda link, d=data: link.ready(d), 1007, params=BOTH_FRESH)
for what, data in (("stored", STORED), ("fixed", HELLO), ("dynamic", compress_alone(SKEWED))):
    for cut in range(1, len(data)):
        if not is_stream(data[:cut]):
            fails(f"a {what} block cut behind octet {cut}", lambda link, d=data[:cut]: link.ready(d), 1007)


@case(DATA, "a message that ends inside a block does not reach into the next")
def _(link):
    link.exchange(TEXT, text_of(300))
    link.send(link.ready(STORED[:8]) + link.ready(STORED[8:]))
    link.expect_failed(1007)


def referring_to(text):
    """A message whose first octets are not in it."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=text)
    data = maker.compress(text) + maker.flush(zlib.Z_SYNC_FLUSH)
    if len(data) > len(text) // 2:
        raise ValueError("it does not refer back")
    return data[: -len(TAIL)]


fails("a distance to before the first message", lambda link: link.ready(referring_to(far_repeats(900))), 1007)


def refers_back(name, params, first, second):
    @case(DATA, name, params)
    def _(link):
        link.exchange(BINARY, first)
        link.send(link.ready(second, BINARY))
        link.expect_failed(1007)


refers_back("a message refers back where there is no context takeover", BOTH_FRESH, noise(200), referring_to(noise(200)))
for bits in range(8, 15):
    size = (1 << bits) + 100
    refers_back(
        f"a message refers back further than a window of {bits} bits",
        f"client_max_window_bits={bits}; server_max_window_bits={bits}",
        noise(size),
        referring_to(noise(size)),
    )

# Data: what the testee sends


@case(DATA, "short messages are sent as they are", flags=(*DEDICATED, "--deflate-threshold", "100"))
def _(link):
    for size in (0, 1, 50, 99, 100, 101, 500):
        link.exchange(TEXT, text_of(size))
        if link.is_compressed() != (size >= 100):
            raise Failure(f"{size} octets came {'compressed' if link.is_compressed() else 'as they are'}")


for mode, threshold in ((DEDICATED, 16), (SHARED, 64)):

    @case(DATA, f"the threshold of {mode[1]} mode", flags=mode)
    def _(link, threshold=threshold):
        for size in (0, threshold - 1, threshold, threshold + 1):
            link.exchange(TEXT, b"a" * size)
            if link.is_compressed() != (size >= threshold):
                raise Failure(f"{size} octets came {'compressed' if link.is_compressed() else 'as they are'}")


@case(DATA, "what would not become smaller is sent as it is", flags=SHARED)
def _(link):
    for size in (100, 500, 511, 512, 5000, 100000):
        link.exchange(BINARY, noise(size))
        if link.is_compressed():
            raise Failure(f"{size} octets came compressed, as {link.octets()}")
        link.exchange(BINARY, bytes(size))
        if not link.is_compressed():
            raise Failure(f"{size} zeros came as they are")


@case(DATA, "no threshold: everything is compressed", flags=(*SHARED, "--deflate-threshold", "off"))
def _(link):
    for message in (b"", b"a", b"ab", noise(100), noise(511), text_of(5000)):
        link.exchange(BINARY, message)
        if not link.is_compressed():
            raise Failure(f"{len(message)} octets came as they are")


FORMS = (b"a", text_of(20), SKEWED, text_of(3000), noise(400), far_repeats(), noise(200) + text_of(70000), bytes(70000))


@case(DATA, "the form of what is sent: its blocks, and what is cut off", flags=(*DEDICATED, "--deflate-threshold", "off"))
def _(link):
    for message in FORMS:
        link.exchange(BINARY, message)
        blocks = Blocks(link.last[0][1] + TAIL)
        if len(link.last) != 1 or blocks.last != (0, 0):
            raise Failure(f"{len(link.last)} frames; the last block is {blocks.last}")
        if link.last[0][1].endswith(TAIL):
            raise Failure("the octets that end a message were sent")


for level in (1, 3, 6, 9):
    for mem_level in (1, 5, 9):
        flags = (*DEDICATED, "--deflate-level", str(level), "--deflate-mem-level", str(mem_level))

        @case(DATA, f"zlib's level {level} with memLevel {mem_level}", flags=flags)
        def _(link):
            work_out(link)
            link.exchange(TEXT, far_repeats(300000))


def held_to(bits, params, flags):
    @case(DATA, f"no distance beyond a window of {bits} bits: {params or flags[-2:]}", params, flags)
    def _(link):
        farthest = 0
        for turn in range(3):
            link.exchange(TEXT, far_repeats(30000, turn % 2))
            data = b"".join(payload for _, payload in link.last)
            farthest = max(farthest, Blocks(data + TAIL).farthest)
        if not 1 << bits - 1 < farthest + 262 <= (1 << bits) + 262:
            raise Failure(f"a distance of {farthest} with a window of {bits} bits")


for bits in range(8, 16):
    held_to(bits, f"server_max_window_bits={bits}; client_max_window_bits={bits}", DEDICATED)
    held_to(bits, f"{BOTH_FRESH}; server_max_window_bits={bits}; client_max_window_bits={bits}", DEDICATED)
for bits in (8, 9, 12):
    held_to(bits, "", (*DEDICATED, "--deflate-bits", str(bits)))

# Data: fragments that the testee sends


def judge_fragments(link, message, piece):
    """Each fragment, flushed as it is, has its part of the message; they are looked at by a context of their own."""
    frames = link.last
    pieces = [message[i : i + piece] for i in range(0, len(message), piece)] or [b""]
    if len(frames) != len(pieces):
        raise Failure(f"{len(frames)} frames for {len(pieces)} pieces")
    context = Inflater(15, False)
    context.begin()
    for (first, payload), part in zip(frames, pieces):
        if bool(first & 0x40) != (link.is_compressed() and first & 15 != 0):
            raise Failure(f"reserved bits {first >> 4 & 7:03b} on {NAMES[first & 15]}")
        got = context.piece(payload) if link.is_compressed() else payload
        if got != part:
            raise Failure(f"a fragment has {shown(got)}, expected {shown(part)}")


for piece in (1, 7, 100, 4096):
    for params, how in (("", "with"), (BOTH_FRESH, "without")):

        @case(DATA, f"fragments of {piece}, {how} context takeover", params, (*DEDICATED, "--fragment", str(piece)))
        def _(link, piece=piece, params=params):
            for size in (0, 1, piece - 1, piece, piece + 1, 3 * piece, 40 * piece + 3, 50):
                for opcode, message in ((TEXT, text_of(size)), (BINARY, noise(size))):
                    link.exchange(opcode, message)
                    if params:
                        judge_fragments(link, message, piece)


@case(DATA, "pings between the fragments that it sends", flags=(*DEDICATED, "--fragment", "50"))
def _(link):
    for turn in range(20):
        link.send(link.compressed(text_of(3000)) + link.frame(PING, b"%d" % turn))
        got = [link.receive(), link.receive()]
        if sorted(got) != sorted([(TEXT, text_of(3000)), (PONG, b"%d" % turn)]):
            raise Failure(f"got {[(NAMES[opcode], len(payload)) for opcode, payload in got]}")
        link.events.append("MESSAGE text 3000")


# Matrix: sizes by fragments by parameters, many messages each

MATRIX = "deflate matrix"
MESSAGES = int(os.environ.get("WSUV_DEFLATE_MESSAGES", "0"))  # of each case; 0: as many as a quick run allows
QUICK_OCTETS = 128 * KIB
POOL = 64  # different messages
BATCH = 256 * KIB  # octets that are sent before we read
SHAPES = [
    *((size, 0) for size in (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)),
    *((size, 256) for size in (8192, 16384, 32768, 65536, 131072)),
    *((131072, piece) for piece in (1024, 4096, 32768)),
]
NINE_BITS = "client_max_window_bits=9; server_max_window_bits=9"
FULL_BITS = "client_max_window_bits=15; server_max_window_bits=15"
TERMS = {
    "no parameters": ("", DEDICATED),
    "client_no_context_takeover": ("client_no_context_takeover", DEDICATED),
    "server_no_context_takeover": ("server_no_context_takeover", DEDICATED),
    "windows of 9 bits": (NINE_BITS, DEDICATED),
    "windows of 15 bits": (FULL_BITS, DEDICATED),
    "messages alone, windows of 9 bits": (f"{BOTH_FRESH}; {NINE_BITS}", DEDICATED),
    "messages alone, windows of 15 bits": (f"{BOTH_FRESH}; {FULL_BITS}", DEDICATED),
    "shared mode": ("", SHARED),
}


def whole_text(data):
    """Of the same length, without the characters that are cut at its ends."""
    whole = data.decode("utf-8", "ignore").encode()
    return whole + b"." * (len(data) - len(whole))


@functools.cache
def records(size):
    """Text as services send it: JSON with numbers, words and characters of every length."""
    rng = random.Random(12)
    words = [*MIXED.split(), "status", "ok", "temperature", "failed", "user"]
    rows, length = [], 0
    while length < size:
        row = {"id": rng.getrandbits(32), "tags": rng.sample(words, 3), "value": rng.random(), "ok": length % 3 == 0}
        rows.append(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        length += len(rows[-1])
    return whole_text(b"".join(rows)[:size])


@functools.cache
def samples(size):
    """Binary as devices send it: counters and slow measurements with noise in their lowest bits."""
    rng = random.Random(13)
    rows = (struct.pack("<IhhB", i, i // 7 % 999, 500 + rng.randrange(8), rng.randrange(4)) for i in range(size // 9 + 1))
    return b"".join(rows)[:size]


@functools.cache
def message_of(opcode, size, number):
    """Parts of one text or binary, so that much of a message was in those before."""
    source = (records if opcode == TEXT else samples)(512 * KIB)
    at = number % POOL * 102947 % (len(source) - size)
    data = source[at : at + size]
    return whole_text(data) if opcode == TEXT else data


def judge_shape(link, opcode, size, piece):
    """How a message of the matrix came back."""
    nframes = -(-size // piece) if piece else 1
    if len(link.last) != nframes:
        raise Failure(f"{len(link.last)} frames, expected {nframes}")
    if opcode == TEXT and size >= (16 if link.inflater.takeover else 256) and not link.is_compressed():
        raise Failure("it came as it is")


def matrix_case(opcode, size, piece, terms):
    params, flags = TERMS[terms]
    flags = (*flags, "--fragment", str(piece)) if piece else flags
    shape = f"{size} in fragments of {piece}" if piece else f"{size}"

    @case(MATRIX, f"{NAMES[opcode]} of {shape}, {terms}", params, flags)
    def _(link):
        count, octets = MESSAGES or max(4, min(1000, QUICK_OCTETS // size)), 0
        batch = max(1, BATCH // size)
        for start in range(0, count, batch):
            messages = [message_of(opcode, size, i % POOL) for i in range(start, min(count, start + batch))]
            for message in messages:
                data = link.deflater.message(message, 1)
                link.send(link.frames(data, [piece] * (len(data) // piece) if piece else [], opcode, rsv=RSV1))
            for message in messages:
                link.expect(opcode, message)
                judge_shape(link, opcode, size, piece)
                octets += link.octets()
        if size >= 1024 and piece != 256 and octets * 4 > count * size * 3:
            raise Failure(f"{count * size} octets came as {octets}")


for terms in TERMS:
    for size, piece in SHAPES:
        for opcode in (TEXT, BINARY):
            matrix_case(opcode, size, piece, terms)

# Limits and bombs

LIMITS = "deflate limits"
TIGHT = (*DEDICATED, "--max-message", "100000", "--deflate-max-ratio", "off")
ANY_RATIO = (*DEDICATED, "--deflate-max-ratio", "off")


@functools.cache
def zeros(size):
    """So many of them, compressed a MiB at a time."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = (maker.compress(bytes(MIB)) + maker.flush(zlib.Z_FULL_FLUSH)) * (size // MIB)
    return data + compress_alone(bytes(size % MIB)) if size % MIB else data[: -len(TAIL)]


def cut_evenly(data, count):
    return [len(data) // count] * (count - 1)


def framed(count):
    return f"{count} frames" if count > 1 else "one frame"


@case(LIMITS, "1 MiB of zeros is no bomb")
def _(link):
    for count in (1, 64):
        link.send(link.ready(zeros(MIB), BINARY, cut_evenly(zeros(MIB), count)))
        link.expect(BINARY, bytes(MIB))


for size in (MIB, 16 * MIB, 256 * MIB, 1024 * MIB):
    for count in (1, 64):
        for opcode in (TEXT, BINARY):
            what = f"bomb of {size // MIB} MiB in {framed(count)}, {NAMES[opcode]}"

            def bomb(link, size=size, count=count, opcode=opcode):
                return link.ready(zeros(size), opcode, cut_evenly(zeros(size), count))

            fails(what, bomb, 1009, flags=TIGHT, category=LIMITS)
            if size > 16 * MIB:
                fails(f"{what}, 16 MiB allowed", bomb, 1009, flags=ANY_RATIO, category=LIMITS)
            if size > MIB:
                fails(f"{what}, out of proportion", bomb, 1009, flags=SHARED, category=LIMITS)


@case(LIMITS, "a message of exactly the limit", flags=TIGHT)
def _(link):
    for message in (text_of(100000), b"a" * 100000):
        for sizes in ([], [1], [0, 100, 0]):
            link.exchange(TEXT, message, sizes)
    link.send(link.ready(zeros(100000), BINARY))
    link.expect(BINARY, bytes(100000))


@case(LIMITS, "a message of exactly the limit that is longer on the wire", flags=TIGHT)
def _(link):
    for sizes in ([], [50000], [99999]):
        link.exchange(BINARY, noise(100000), sizes)


@case(LIMITS, "16 MiB, the limit of itself", flags=ANY_RATIO)
def _(link):
    link.send(link.ready(zeros(16 * MIB), BINARY))
    link.expect(BINARY, bytes(16 * MIB))


OVER = {
    "text": (TEXT, compress_alone(text_of(100001)), TIGHT),
    "binary that is longer on the wire": (BINARY, compress_alone(noise(100001)), TIGHT),
    "16 MiB of zeros": (BINARY, zeros(16 * MIB + 1), ANY_RATIO),
}
for name, (opcode, data, flags) in OVER.items():
    for count in (1, 3):
        fails(
            f"{name}, one octet over the limit, in {framed(count)}",
            lambda link, o=opcode, d=data, c=count: link.ready(d, o, cut_evenly(d, c)),
            1009,
            flags=flags,
            category=LIMITS,
        )


@case(LIMITS, "the limit of a frame is that of what is on the wire", flags=(*DEDICATED, "--max-frame", "2000"))
def _(link):
    link.exchange(TEXT, b"a" * 100000)
    link.exchange(BINARY, noise(5000), [1500] * 3)
    link.send(link.ready(compress_alone(noise(2001)), BINARY))
    link.expect_failed(1009)


def letters(size):
    """Text that becomes about five eighths as long."""
    return "".join(random.Random(2).choices(LETTERS, k=size)).encode()


for ratio, passes in (("1", False), ("2", True), ("10", True), ("off", True)):

    @case(LIMITS, f"2 MiB of letters, largest ratio {ratio}", flags=(*DEDICATED, "--deflate-max-ratio", ratio))
    def _(link, passes=passes):
        link.exchange(TEXT, letters(MIB))
        message = letters(2 * MIB)
        link.send(link.compressed(message, TEXT, [1000, 100000]))
        if passes:
            link.expect(TEXT, message)
        else:
            link.expect_failed(1009)


@case(LIMITS, "an octet at a time, flushed")
def _(link):
    message = text_of(60000)
    maker = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = b"".join(maker.compress(message[i : i + 1]) + maker.flush(zlib.Z_SYNC_FLUSH) for i in range(len(message)))
    link.send(link.ready(data[: -len(TAIL)]))
    link.expect(TEXT, message)


ROWS = {
    "empty stored blocks": bytes.fromhex("000000ffff"),
    "empty fixed blocks": packed(*["010", "0000000"] * 4),
    "empty final blocks": bytes.fromhex("0300"),
}
for name, block in ROWS.items():

    @case(LIMITS, f"{name}, a thousand of them")
    def _(link, block=block):
        for sizes in ([], [100], [1] * 50):
            link.send(link.ready(block * 1000 + b"\0", TEXT, sizes))
            link.expect(TEXT, b"")
        link.send(link.ready(HELLO[:-1] + b"\0\0\0\xff\xff" + block * 1000 + HELLO))
        link.expect(TEXT, b"HelloHello")

    def endless(link, block=block, piece=None):
        data = block * (2 * MIB // len(block))
        if piece is None:
            return link.frame(TEXT, data, fin=False, rsv=RSV1)
        frames = [link.frame(CONTINUATION, data[i : i + piece], fin=False) for i in range(0, len(data), piece)]
        return b"".join([link.frame(TEXT, fin=False, rsv=RSV1), *frames])

    fails(f"{name} without end, in one frame", endless, 1009, category=LIMITS)
    fails(f"{name} without end, in fragments", functools.partial(endless, piece=100 * len(block)), 1009, category=LIMITS)
    fails(f"{name} without end, shared mode", endless, 1009, flags=SHARED, category=LIMITS)


@case(LIMITS, "10,000 empty fragments of a compressed message")
def _(link):
    link.exchange(TEXT, text_of(1000), [0] * 5000 + [10] + [0] * 5000)
