"""python3-websockets as the server of wsuv-testee-client."""

import asyncio
import functools

import peer
import testee
from peer import CLOSES, MIB, bytes_of, check, exercise_echo, websockets


async def session(play, ending, status, flags=(), **options):
    """A server and one client; `play` gets the connection and returns the client's lines between OPEN and the ending."""
    played = asyncio.get_running_loop().create_future()

    async def handler(link):
        try:
            lines = await play(link)
        except (Exception, asyncio.CancelledError) as error:  # reported below, where the test waits
            played.set_exception(error)
        else:
            played.set_result(lines)

    options = {"max_size": None, "ping_interval": None, **options}
    async with websockets.serve(handler, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        client = testee.Client(f"ws://127.0.0.1:{port}/", *flags)
        try:
            lines = await played
            got = await asyncio.to_thread(client.wait)
        finally:
            client.kill()
    wanted = (status, ["OPEN", *lines, *ending])
    got = (got[0], [line.split(":")[0] if line.startswith("ERROR ") else line for line in got[1]])
    if "ERROR ECONNRESET" in got[1]:  # what an aborted transport looks like is up to the kernel
        got[1][got[1].index("ERROR ECONNRESET")] = "ERROR EABNORMAL"
    check(got == wanted, f"the client said {got[0]} {got[1][-5:]}, expected {wanted[0]} {wanted[1][-5:]}")


async def echo(link):
    check(link.extensions == [], f"extensions agreed: {link.extensions}")
    lines = await exercise_echo(link)
    await link.close()
    return lines


def closes(code, reason):
    async def play(link):
        await link.close(code, reason)
        check(link.close_code == code, f"close code {link.close_code}")
        return []

    return session(play, [f"CLOSE {code}"], 0)


async def tells_to_close(link):
    await link.send("please close")
    await link.wait_closed()
    check(link.close_code == 1000, f"close code {link.close_code}")
    return ["MESSAGE text 12"]


async def vanishes(link):
    link.transport.write(b"\x82\x7f" + (8 * MIB).to_bytes(8, "big") + bytes(4 * MIB))
    link.transport.abort()
    return []


async def sends_too_much(link):
    await link.send(bytes_of(1000))
    check(await link.recv() == bytes_of(1000), "the echo differs")
    await link.send(bytes_of(1001))
    await link.wait_closed()
    check(link.close_code == 1009, f"close code {link.close_code}")
    return ["MESSAGE binary 1000"]


async def pings(link):
    for _ in range(20):
        await (await link.ping())
    await link.close()
    return []


peer.run(
    [
        ("echo, compression off", lambda: session(echo, ["CLOSE 1000"], 0, compression=None)),
        ("echo, compression on", lambda: session(echo, ["CLOSE 1000"], 0, compression="deflate")),
        *((f"we close with {code} {reason[:20]}", functools.partial(closes, code, reason)) for code, reason in CLOSES),
        ("the client closes when told to", lambda: session(tells_to_close, ["CLOSE 1000"], 0)),
        ("we offer subprotocols nobody asked for", lambda: session(echo, ["CLOSE 1000"], 0, subprotocols=["chat"])),
        ("one octet over the limit is answered by 1009",
         lambda: session(sends_too_much, ["ERROR EMSGSIZE", "CLOSE 1006"], 1, ["--max-message", "1000"])),
        ("both sides ping",
         lambda: session(pings, ["CLOSE 1000"], 0, ["--ping-interval-ms", "50"], ping_interval=0.05, ping_timeout=5)),
        ("we vanish while sending", lambda: session(vanishes, ["ERROR EABNORMAL", "CLOSE 1006"], 1)),
    ]
)
