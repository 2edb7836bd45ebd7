"""python3-websockets over TLS in both roles, with and without client certificates.

covers: W208, T019
"""

import asyncio
import functools
import ssl

import peer
import testee
import tls
from peer import check, exercise_echo, websockets

testee.require_tls()
testee.transport.tls = True
SERVER = testee.Server()
MUTUAL = testee.Server("--tls-client-ca", tls.cert("ca.pem"))
ALICE = ["--tls-cert", tls.cert("alice.pem"), "--tls-key", tls.cert("alice.key")]
connect = functools.partial(websockets.connect, max_size=None, ping_interval=None, compression=None)


async def exercise_briefly(link):
    for message in ("hello", peer.bytes_of(100000)):
        await link.send(message)
        check(await link.recv() == message, "the echo differs")
    return ["MESSAGE text 5", "MESSAGE binary 100000"]


# ---- as the client ----


async def echo(server, context, host="localhost", exercise=exercise_briefly):
    async with connect(f"wss://{host}:{server.port}/", ssl=context) as link:
        socket = link.transport.get_extra_info("ssl_object")
        check(socket.selected_alpn_protocol() == "http/1.1", f"ALPN {socket.selected_alpn_protocol()}")
        await exercise(link)
    check(link.close_code == 1000, f"close code {link.close_code}")


async def refused(server, context, *reasons):
    """Either the handshake or, where TLS 1.3 tells a client that late, the first read."""
    try:
        async with connect(f"wss://localhost:{server.port}/", ssl=context):
            check(False, "it was accepted")
    except (ssl.SSLError, ConnectionError, websockets.exceptions.InvalidMessage) as error:
        text = f"{error} {error.__cause__}"
        check(any(reason in text for reason in reasons), text)


# ---- as the server ----


async def session(play, context, *flags, ending=("CLOSE 1000",), status=0):
    """A server and one client; `play` gets the connection and returns the client's lines behind the one on TLS."""
    played = asyncio.get_running_loop().create_future()

    async def handler(link):
        try:
            lines = await play(link)
        except (Exception, asyncio.CancelledError) as error:  # reported below, where the test waits
            played.set_exception(error)
        else:
            played.set_result(lines)

    async with websockets.serve(handler, "127.0.0.1", 0, ssl=context, max_size=None, ping_interval=None, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        client = testee.Client(f"wss://localhost:{port}/", "--tls-ca", tls.cert("ca.pem"), *flags)
        try:
            lines = await played
            got = await asyncio.to_thread(client.wait)
        finally:
            client.kill()
    check(got[1][1].startswith("TLS TLSv1."), f"no line on TLS: {got[1][:3]}")
    check(got == (status, ["OPEN", got[1][1], *lines, *ending]), f"the client said {got[0]} {got[1][-5:]}, expected {lines[-5:]}")


async def echoes(link):
    lines = await exercise_echo(link)
    await link.close()
    return lines


async def echoes_to_alice(link):
    subject = link.transport.get_extra_info("peercert")["subject"]
    check((("commonName", "alice"),) in subject, f"subject {subject}")
    lines = await exercise_briefly(link)
    await link.close()
    return lines


async def tells_to_close(link):
    await link.send("please close")
    await link.wait_closed()
    check(link.close_code == 1000, f"close code {link.close_code}")
    return ["MESSAGE text 12"]


async def client_refuses(context, *flags, error):
    async def handler(_link):
        check(False, "a request arrived")

    async with websockets.serve(handler, "127.0.0.1", 0, ssl=context) as server:
        client = testee.Client(f"wss://localhost:{server.sockets[0].getsockname()[1]}/", *flags)
        status, lines = await asyncio.to_thread(client.wait)
    check(status == 1 and len(lines) == 1 and lines[0].startswith(f"ERROR {error}: "), f"the client said {status} {lines}")


async def servers_end():
    SERVER.stop()
    MUTUAL.stop()


CA = ("--tls-ca", tls.cert("ca.pem"))
peer.run(
    [
        *((f"our server: echo over TLS {version}", functools.partial(echo, SERVER, tls.client_context(version), exercise=exercise_echo))
          for version in tls.VERSIONS),
        ("our server: by its address", lambda: echo(SERVER, tls.client_context(), "127.0.0.1")),
        ("our server: another authority",
         lambda: refused(SERVER, tls.client_context(ca="other_ca.pem"), "CERTIFICATE_VERIFY_FAILED", "certificate verify failed")),
        *((f"our server: alice over TLS {version}", functools.partial(echo, MUTUAL, tls.client_context(version, shown="alice")))
          for version in tls.VERSIONS),
        ("our server: nobody, TLS 1.2",
         lambda: refused(MUTUAL, tls.client_context("1.2"), "HANDSHAKE_FAILURE", "handshake failure", "reset", "Reset")),
        ("our server: nobody, TLS 1.3", lambda: refused(MUTUAL, tls.client_context("1.3"), "CERTIFICATE_REQUIRED", "certificate required", "reset", "Reset")),
        ("our server: mallory",
         lambda: refused(MUTUAL, tls.client_context(shown="mallory"), "UNKNOWN_CA", "unknown ca", "reset", "Reset")),
        ("our servers end", servers_end),
        *((f"our client: echo over TLS {version}", functools.partial(session, echoes, tls.server_context(version)))
          for version in tls.VERSIONS),
        ("our client: closes when told to", lambda: session(tells_to_close, tls.server_context())),
        *((f"our client: alice over TLS {version}",
           functools.partial(session, echoes_to_alice, tls.server_context(version, client_ca="ca.pem"), *ALICE))
          for version in tls.VERSIONS),
        ("our client: another authority", lambda: client_refuses(tls.server_context(shown="other"), *CA, error="ECERTAUTHORITY")),
        ("our client: another name", lambda: client_refuses(tls.server_context(shown="a"), *CA, error="ECERTHOST")),
    ]
)
