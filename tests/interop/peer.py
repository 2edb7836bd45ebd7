"""What the two tests with python3-websockets share: payloads, the exercise of an echo, a runner of named checks."""

import asyncio
import functools
import json
import os
import random
import struct
import sys
import time

try:
    import websockets
except ImportError:
    print("skipped: python3-websockets is not installed for this python")
    sys.exit(77)

PATIENCE = float(os.environ.get("WSUV_TEST_PATIENCE", "30"))
MIB = 1 << 20
MIXED = "Zażółć gęślą jaźń, кот на крыше, 猫と犬, 🐈🐕 "
SIZES = (0, 1, 125, 126, 127, 65535, 65536, MIB, 16 * MIB)
CLOSES = ((1000, ""), (1000, "done"), (3000, "żegnaj 🐈"), (4999, "x" * 123))


def text_of(size):
    """Exactly `size` octets as UTF-8."""
    unit = len(MIXED.encode())
    return MIXED * (size // unit) + "." * (size % unit)


def bytes_of(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


async def pieces(message, count):
    """An async iterator, which makes websockets send fragments."""
    step = max(1, len(message) // count)
    for at in range(0, len(message), step):
        yield message[at : at + step]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


async def exercise_echo(link):
    """On an open connection with the testee echoing at the other end. Returns the client's event lines."""
    lines = []

    async def back(message):
        got = await link.recv()
        check(type(got) is type(message), f"{type(message).__name__} came back as {type(got).__name__}")
        check(got == message, f"a message of {len(message)} came back changed")
        kind = "text" if isinstance(message, str) else "binary"
        lines.append(f"MESSAGE {kind} {len(message.encode() if isinstance(message, str) else message)}")

    for size in SIZES:
        for message in (text_of(size), bytes_of(size)):
            await link.send(message)
            await back(message)
    for message in (text_of(1000), bytes_of(1000), text_of(MIB), bytes_of(MIB)):
        await link.send(pieces(message, 100))
        await back(message)
    for payload in (b"", b"p", bytes_of(125)):
        await (await link.ping(payload))
    await link.pong(b"unasked")
    messages = [f"{i} ".ljust(1024, ".") for i in range(1000)]
    sender = asyncio.ensure_future(send_all(link, messages))
    for message in messages:
        await back(message)
    await sender
    return lines


async def send_all(link, messages):
    for message in messages:
        await link.send(message)


async def run_all(tests):
    failed = 0
    for name, test in tests:
        started = time.monotonic()
        try:
            await asyncio.wait_for(test(), PATIENCE)
            print(f"ok {name} ({time.monotonic() - started:.2f} s)", flush=True)
        except (Exception, asyncio.CancelledError) as error:  # any of websockets' and of ours is a failed test
            failed += 1
            print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(tests)} tests, {failed} failed")
    return 1 if failed else 0


def run(tests):
    sys.exit(asyncio.run(run_all(tests)))


# ---- compression ----

CORPUS = MIB
TOPICS = ("weather", "kot", "łódź", "猫の手", "прогноз", "release", "naïve", "🦦")


def _make_text():
    choose = random.Random(7692)
    rows = []
    size = 0
    while size < CORPUS:
        row = {
            "id": len(rows),
            "user": f"user{choose.randrange(5000)}",
            "topic": choose.choice(TOPICS),
            "position": {"x": choose.randrange(65536) / 256, "y": choose.randrange(65536) / 256},
            "tags": [choose.choice(TOPICS), f"t{choose.randrange(100)}"],
            "isRead": choose.random() < 0.5,
        }
        rows.append(json.dumps(row, ensure_ascii=False) + ",\n")
        size += len(rows[-1].encode())
    return "".join(rows).encode()


def _make_binary():
    """Records of 32 octets, each of them behind 32 octets that are random."""
    choose = random.Random(6455)
    return b"".join(
        choose.randbytes(32) + struct.pack(">QQ10s6x", i, choose.randrange(1000), b"record") for i in range(CORPUS // 64)
    )


_corpus = functools.cache(lambda: {str: _make_text(), bytes: _make_binary()})


@functools.cache
def realistic(kind, size):
    """A message as applications send them, of exactly `size` octets. Both kinds compress to a part, and not to nothing."""
    source = _corpus()[kind]
    data = (source * (size // len(source) + 1))[:size]
    if kind is bytes:
        return data
    text = data.decode(errors="ignore")
    return text + "." * (size - len(text.encode()))


def size_of(message):
    return len(message.encode() if isinstance(message, str) else message)


class Wishes:
    """What the testee asks for: the flags that say so, and what they mean."""

    def __init__(self, mode, deflate_bits=None, inflate_bits=None, deflate_takeover=None, inflate_takeover=None, fragment=None):
        shared = mode == "shared"
        self.deflate_bits = (12 if shared else 0) if deflate_bits is None else deflate_bits
        self.inflate_bits = inflate_bits or 0
        self.deflate_takeover = not shared if deflate_takeover is None else deflate_takeover
        self.inflate_takeover = not shared if inflate_takeover is None else inflate_takeover
        self.fragment = fragment
        flags = {
            "deflate": mode,
            "deflate-bits": "off" if deflate_bits == 0 else deflate_bits,
            "inflate-bits": "off" if inflate_bits == 0 else inflate_bits,
            "deflate-takeover": None if deflate_takeover is None else int(deflate_takeover),
            "inflate-takeover": None if inflate_takeover is None else int(inflate_takeover),
            "fragment": fragment,
        }
        self.args = [f"--{name}={value}" for name, value in flags.items() if value is not None]

    def answer(self, offer):
        """What our server must answer. The client's window is only spoken of if the client did."""
        hint = offer.get("client_max_window_bits")
        client_bits = hint is not None and (self.inflate_bits or hint is not True)
        return present(
            server_no_context_takeover=not self.deflate_takeover or "server_no_context_takeover" in offer,
            client_no_context_takeover=not self.inflate_takeover or "client_no_context_takeover" in offer,
            server_max_window_bits=(self.deflate_bits or "server_max_window_bits" in offer)
            and least(self.deflate_bits, offer.get("server_max_window_bits")),
            client_max_window_bits=client_bits and least(self.inflate_bits, hint),
        )

    def offer(self):
        """What our client must offer."""
        return present(
            server_no_context_takeover=not self.inflate_takeover,
            client_no_context_takeover=not self.deflate_takeover,
            server_max_window_bits=self.inflate_bits,
            client_max_window_bits=self.deflate_bits or True,
        )

    def line(self, answer):
        """What our client prints when a server has answered."""
        ours = least(self.deflate_bits, answer.get("client_max_window_bits"))
        theirs = least(answer.get("server_max_window_bits"))
        without = (not self.deflate_takeover or "client_no_context_takeover" in answer, "server_no_context_takeover" in answer)
        words = ["no takeover" if no_takeover else "takeover" for no_takeover in without]
        return f"DEFLATE deflate {ours} {words[0]}, inflate {theirs} {words[1]}"


def present(**params):
    return {name: value for name, value in params.items() if value}


def least(*bits):
    return min(value if type(value) is int and value > 0 else 15 for value in bits)


def deflate_elements(fields):
    """The parameters of each permessage-deflate in the values of Sec-WebSocket-Extensions; nothing else may be there."""
    elements = []
    for element in ",".join(fields).split(","):
        token, *params = [part.strip() for part in element.split(";")]
        check(token == "permessage-deflate", f"an extension {token}")
        pairs = [param.partition("=") for param in params]
        elements.append({name: int(value.strip('"')) if equals else True for name, equals, value in pairs})
    return elements


class Tap:
    """The data frames that a connection receives and sends, as they are on the wire, message by message."""

    def __init__(self, extension):
        self.received = []
        self.sent = []
        decode, encode = extension.decode, extension.encode

        def tap_decode(frame, **kwargs):
            self._note(self.received, frame)
            return decode(frame, **kwargs)

        def tap_encode(frame):
            encoded = encode(frame)
            self._note(self.sent, encoded)
            return encoded

        extension.decode, extension.encode = tap_decode, tap_encode

    @staticmethod
    def _note(messages, frame):
        if frame.opcode >= 8:
            return
        if frame.opcode > 0:
            messages.append([frame.rsv1, 0, 0])
        messages[-1][1] += 1
        messages[-1][2] += len(frame.data)
