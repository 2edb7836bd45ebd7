"""python3-websockets as the client of wsuv-testee-server."""

import functools

import peer
import testee
from peer import CLOSES, MIB, bytes_of, check, exercise_echo, websockets

SERVER = testee.Server()
connect = functools.partial(websockets.connect, max_size=None, ping_interval=None)


async def echo(compression):
    async with connect(SERVER.url, compression=compression) as link:
        check(link.extensions == [], f"extensions agreed: {link.extensions}")
        check(link.subprotocol is None, "subprotocol agreed")
        await exercise_echo(link)
    check(link.close_code == 1000, f"close code {link.close_code}")


async def we_close(code, reason):
    async with connect(SERVER.url) as link:
        await link.close(code, reason)
    check(link.close_code == code, f"close code {link.close_code}")


async def subprotocols_are_not_chosen():
    async with connect(SERVER.url, subprotocols=["chat", "superchat"]) as link:
        check(link.subprotocol is None, f"subprotocol {link.subprotocol}")
        await link.send("hello")
        check(await link.recv() == "hello", "the echo differs")


async def we_vanish_while_sending():
    for _ in range(10):
        link = await connect(SERVER.url)
        link.transport.write(b"\x82\xff" + (8 * MIB).to_bytes(8, "big") + b"keys" + bytes(4 * MIB))
        link.transport.abort()
        await link.wait_closed()
    async with connect(SERVER.url) as link:
        await link.send("still there?")
        check(await link.recv() == "still there?", "the echo differs")


async def over_the_limit():
    server = testee.Server("--max-message", "1000")
    link = await connect(server.url)
    await link.send(bytes_of(1000))
    check(await link.recv() == bytes_of(1000), "the echo differs")
    await link.send(bytes_of(1001))
    try:
        await link.recv()
    except websockets.ConnectionClosedError as error:
        check(error.rcvd.code == 1009, f"closed with {error.rcvd}")
    else:
        check(False, "it was echoed")
    server.stop()


async def both_ping():
    server = testee.Server("--ping-interval-ms", "50", "--max-pings", "2")
    async with connect(server.url, ping_interval=0.05, ping_timeout=5) as link:
        for _ in range(20):
            await (await link.ping())
        await link.send("hello")
        check(await link.recv() == "hello", "the echo differs")
    server.stop()


async def sigterm_closes_with_going_away():
    link = await connect(SERVER.url)
    await link.send("before")
    check(await link.recv() == "before", "the echo differs")
    SERVER.terminate()
    await link.wait_closed()
    check(link.close_code == 1001, f"close code {link.close_code}")
    SERVER.join()


peer.run(
    [
        ("echo, compression off", lambda: echo(None)),
        ("echo, compression offered", lambda: echo("deflate")),
        *((f"we close with {code} {reason[:20]}", functools.partial(we_close, code, reason)) for code, reason in CLOSES),
        ("subprotocols are offered and none is chosen", subprotocols_are_not_chosen),
        ("we vanish while sending", we_vanish_while_sending),
        ("one octet over the limit is answered by 1009", over_the_limit),
        ("both sides ping", both_ping),
        ("SIGTERM closes with 1001", sigterm_closes_with_going_away),
    ]
)
