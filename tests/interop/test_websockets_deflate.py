"""permessage-deflate with python3-websockets in both roles: every combination of parameters that it can be given, the answers
to it, and messages of all sizes, in one frame and in several, from either side.

covers: CORE.8, D031, D032, D036, D041, D047, D049, D054, PMD.2, PMD.3, PMD.10
"""

import asyncio
import functools
import itertools

import peer
import testee
from peer import Tap, Wishes, check, deflate_elements, present, realistic, size_of, websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

# Python's zlib refuses to compress with a window of 8 bits, so that an answer with that ends its handshake; it decompresses.
THEIR_BITS = range(9, 16)
OUR_BITS = range(8, 16)
SHORT = (0, 1, 64, 126, 1000)
MEDIUM = (0, 1, 16, 63, 64, 125, 126, 1000, 65535, 65536)
LARGE = (*MEDIUM, 1000000)
LIMIT = 16 * peer.MIB


def pieces(message):
    """What is sent in fragments."""
    step = min(65536, -(-len(message) // 4) or 1)
    return [message[at : at + step] for at in range(0, len(message), step)] or [message]


def list_messages(sizes):
    """(message, whether it is sent in fragments): once in one frame, and then once more, so that what is remembered of the
    first time matters. Of the shortest not all are sent again."""
    again = SHORT[-2:] if sizes is SHORT else sizes
    for is_fragmented, some in ((False, sizes), (True, again)):
        for size, kind in itertools.product(some, (str, bytes)):
            yield realistic(kind, size), is_fragmented


def check_frames(size, seen, wishes):
    """The testee compresses what is long enough, and sends in the fragments it was told to."""
    compressed, nframes, octets = seen
    what = f"the echo of {size} octets: compressed {compressed}, {nframes} frames, {octets} octets"
    check(size < 1000 or (compressed and octets < size), f"{what} did not shrink")
    if wishes.fragment is None:
        check(nframes == 1, what)
        check(size >= (16 if wishes.deflate_takeover else 64) or not compressed, f"{what}, too short to be compressed")
    else:
        check(nframes == max(1, -(-size // wishes.fragment)), what)


async def exercise(link, messages, wishes):
    """Sends everything, and meanwhile checks what comes back. Returns the client's event lines."""
    tap = Tap(link.extensions[0])

    async def send():
        for message, is_fragmented in messages:
            await link.send(pieces(message) if is_fragmented else message)

    sender = asyncio.ensure_future(send())
    lines = []
    for message, _ in messages:
        got = await link.recv()
        size = size_of(message)
        check(got == message, f"a message of {size} octets came back changed")
        check_frames(size, tap.received[len(lines)], wishes)
        lines.append(f"MESSAGE {'text' if isinstance(message, str) else 'binary'} {size}")
    await sender
    check(all(compressed for compressed, _, _ in tap.sent), "websockets compresses everything")
    return lines


def combinations(server_bits, client_bits):
    """All of them. Some, in which each two values meet, get longer messages: a limit of a window that is not kept does not show
    in a message shorter than it."""
    for i, j, server, client in itertools.product(range(len(server_bits)), range(len(client_bits)), (0, 1), (0, 1)):
        is_long = server == (i + j) % 2 and client == (i + (j >> 1)) % 2
        sizes = SHORT if not is_long else LARGE if (i * 3 + 1) % len(client_bits) == j else MEDIUM
        yield server_bits[i], (bool(server), bool(client), server_bits[i], client_bits[j]), list(list_messages(sizes))


async def each(combinations, work, width=4):
    """Some of them at a time."""
    rest = iter(combinations)

    async def worker():
        for params, messages, wishes in rest:
            try:
                await work(params, messages, wishes)
            except Exception as error:
                raise AssertionError(f"{params} with {' '.join(wishes.args)}: {type(error).__name__}: {error}") from error

    await asyncio.gather(*(worker() for _ in range(width)))


def negotiation(link):
    """What was offered and what was answered."""
    both = (link.request_headers, link.response_headers)
    return [deflate_elements(headers.get_all("Sec-WebSocket-Extensions")) for headers in both]


# ---- websockets as the client ----


def asked(server_no_takeover, client_no_takeover, server_bits, client_bits):
    return present(
        server_no_context_takeover=server_no_takeover,
        client_no_context_takeover=client_no_takeover,
        server_max_window_bits=server_bits,
        client_max_window_bits=client_bits,
    )


@functools.cache
def server_of(wishes):
    return testee.Server(*wishes.args)


async def as_client(params, messages, wishes):
    options = {"extensions": [ClientPerMessageDeflateFactory(*params)], "compression": None, "max_size": None}
    async with websockets.connect(server_of(wishes).url, ping_interval=None, **options) as link:
        offer, answer = negotiation(link)
        check(offer == [asked(*params)], f"offered {offer}")
        check(answer == [wishes.answer(offer[0])], f"answered {answer}, expected {wishes.answer(offer[0])}")
        await exercise(link, messages, wishes)
    check(link.close_code == 1000, f"close code {link.close_code}")


async def stop_servers(all_wishes):
    for wishes in all_wishes:
        server_of(wishes).stop()


# ---- websockets as the server ----


async def as_server(params, messages, wishes):
    played = asyncio.get_running_loop().create_future()

    async def handler(link):
        try:
            offer, answer = negotiation(link)
            check(offer == [wishes.offer()], f"offered {offer}, expected {wishes.offer()}")
            lines = await exercise(link, messages, wishes)
            await link.close()
            played.set_result(["OPEN", wishes.line(answer[0]), *lines, "CLOSE 1000"])
        except (Exception, asyncio.CancelledError) as error:  # reported below, where the test waits
            played.set_exception(error)

    options = {"extensions": [ServerPerMessageDeflateFactory(*params)], "compression": None, "max_size": None}
    async with websockets.serve(handler, "127.0.0.1", 0, ping_interval=None, **options) as server:
        client = testee.Client(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", *wishes.args)
        try:
            lines = await played
            got = await asyncio.to_thread(client.wait)
        finally:
            client.kill()
    check(got == (0, lines), f"the client said {got[0]} {got[1][:2]}..{got[1][-2:]}, expected 0 {lines[:2]}..{lines[-2:]}")


# ---- the tests ----

WISHES = [
    Wishes(
        "shared" if i % 3 == 0 else "dedicated",
        deflate_bits=bits,
        inflate_bits=24 - bits if bits else 11,
        deflate_takeover=i % 2 == 0,
        inflate_takeover=(i >> 1) % 2 == 0,
    )
    for i, bits in enumerate((0, *THEIR_BITS))
]
PLAIN = [Wishes("shared"), Wishes("dedicated"), Wishes("shared", fragment=1000), Wishes("dedicated", fragment=1000)]
ALL = [wishes for pair in itertools.zip_longest(WISHES, PLAIN * 2) for wishes in pair] + [Wishes("dedicated", deflate_bits=8)]


def spread(rows):
    """The rows by the server's bits, each with the wishes whose turn it is."""
    groups = {}
    for i, (key, params, messages) in enumerate(rows):
        groups.setdefault(key, []).append((params, messages, ALL[i % len(ALL)]))
    return groups.items()


def limit(work, kind, is_fragmented, wishes):
    return work((False, False, None, None), [(realistic(kind, LIMIT), is_fragmented)], wishes)


AS_CLIENT = spread(combinations((None, *OUR_BITS), (None, True, *THEIR_BITS)))
AS_SERVER = spread(combinations((None, *THEIR_BITS), (None, *OUR_BITS)))
FRAGMENTED = Wishes("shared", fragment=65536)

peer.run(
    [
        *((f"websockets as client, {len(rows)} offers with server bits {bits}", functools.partial(each, rows, as_client))
          for bits, rows in AS_CLIENT),
        *((f"websockets as server, {len(rows)} answers with server bits {bits}", functools.partial(each, rows, as_server))
          for bits, rows in AS_SERVER),
        ("16 MiB as client, whole", lambda: limit(as_client, str, False, PLAIN[0])),
        ("16 MiB as client, in fragments", lambda: limit(as_client, bytes, True, PLAIN[1])),
        ("16 MiB as server, whole", lambda: limit(as_server, bytes, False, FRAGMENTED)),
        ("16 MiB as server, in fragments", lambda: limit(as_server, str, True, PLAIN[1])),
        ("the servers end in order", lambda: stop_servers(dict.fromkeys(ALL))),
    ]
)
