"""What the two tests with python3-websockets share: payloads, the exercise of an echo, a runner of named checks."""

import asyncio
import os
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
