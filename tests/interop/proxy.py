"""What the tests with reverse proxies share: the guide's configurations, a proxy as a process, what has to come through.

The configurations are those of src/api/DEPLOYING.md, with only ports, paths and times put in place of what stands there.
"""

import asyncio
import atexit
import contextlib
import functools
import logging
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import testee
import tls
import wire
from peer import CLOSES, PATIENCE, bytes_of, check, exercise_echo, realistic, text_of, websockets
from wire import BINARY, PING, PONG, TEXT

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "src" / "api" / "DEPLOYING.md"
logging.getLogger("websockets").setLevel(logging.CRITICAL)  # health checks connect and leave


def block(language):
    """The guide's block of code in that language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    check(len(found) == 1, f"{len(found)} blocks '{language}' in {GUIDE}")
    return found[0]


def put(text, old, new, count=1):
    """The text with `new` where `old` stands; a guide that says something else fails the test."""
    check(text.count(old) == count, f"'{old}' is {text.count(old)} times in the guide's configuration")
    return text.replace(old, new)


def find(name):
    """The path of a proxy's program; where there is none, the test is skipped."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        print(f"skipped: no {name}")
        sys.exit(testee.SKIPPED)
    return path


async def eventually(condition, what):
    """Polls until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"waited in vain until {what}")
        await asyncio.sleep(0.02)


# ---- behind the proxy ----


class App(testee.Server):
    """A testee that tells what reaches it."""

    def __init__(self, *flags, pipe=False, secure=False):
        testee.transport.pipe, testee.transport.tls = pipe, secure
        super().__init__("--tell-all", *flags)
        testee.transport.pipe = testee.transport.tls = False
        self.where = f"unix:{self.path}" if pipe else f"127.0.0.1:{self.port}"
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def join(self, expected=0):
        self.reader.join(PATIENCE)  # until it ends
        super().join(expected)

    def fields(self, name):
        """The values of a field of the last request."""
        last = max(i for i, line in enumerate(self.lines) if line.startswith("REQUEST "))
        start = f"field {name}: ".lower()
        return [line[len(start) :] for line in self.lines[last:] if line.lower().startswith(start)]

    async def saw(self, line, ntimes=1):
        await eventually(lambda: self.lines.count(line) == ntimes, f"the app says '{line}', {ntimes} times")


@contextlib.contextmanager
def app(*flags, **how):
    server = App(*flags, **how)
    try:
        yield server
    finally:
        server.terminate()
    server.join()


@contextlib.asynccontextmanager
async def python_app(handler, **options):
    """A server of python3-websockets: where it is."""
    async with websockets.serve(handler, "127.0.0.1", 0, max_size=None, ping_interval=None, **options) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


# ---- the proxy ----


class Proxy:
    """A proxy in front of one or two apps. What is specific to a program is in a subclass: `configuration`, `command`, `reload`,
    `is_ready` (for signals), `scheme` (what says the scheme in the configuration), `absent` (the status without an app).

    The listening socket is made here and inherited, so that its port is free and connections wait until the program is up."""

    def __init__(self, *apps, secure=False, secure_behind=False, idle=None):
        self.apps = [where if isinstance(where, str) else where.where for where in apps]
        self.secure, self.secure_behind = secure, secure_behind
        self.folder = tempfile.TemporaryDirectory()
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            self.port = listener.getsockname()[1]
            self.descriptor = listener.fileno()
            text = self.configuration()
            self.text = text if idle is None else text.replace("60s", idle)
            check(idle is None or text != self.text, "the guide's configuration has no timeout of 60s")
            self.write(self.text)
            self.log = open(self.path("output"), "w+", encoding="utf-8")  # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                self.command(),
                pass_fds=[self.descriptor],
                env={**os.environ, **self.environment()},
                start_new_session=True,
                stdout=self.log,
                stderr=self.log,
            )
        atexit.register(self.kill)
        self.host = f"localhost:{self.port}"
        self.url = f"{'wss' if secure else 'ws'}://{self.host}"

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, text):
        with open(self.path("configuration"), "w", encoding="utf-8") as file:
            file.write(text)

    def app_at(self, index):
        return self.apps[index % len(self.apps)]

    def connect(self, target="/", **how):
        """A WebSocket of python3-websockets through the proxy."""
        how = {"max_size": None, "ping_interval": None, "compression": None, **how}
        if self.secure:
            how["ssl"] = tls.client_context()
        return websockets.connect(self.url + target, **how)

    def client(self, *flags, target="/"):
        """wsuv's client through the proxy."""
        trust = ["--tls-ca", tls.cert("ca.pem")] if self.secure else []
        return testee.Client(self.url + target, *trust, *flags)

    def raw(self):
        return wire.Stream(testee.connect_raw(self.port))

    def open_raw(self):
        """A WebSocket whose frames are seen."""
        link = self.raw()
        link.send(testee.request(self.port))
        start, _ = testee.parse_head(link.take_head())
        check(start.startswith("HTTP/1.1 101 "), f"answered {start}")
        return wire.Wire(link.sock, True, link.inbox)

    def said(self):
        self.log.flush()
        with open(self.path("output"), encoding="utf-8") as file:
            return file.read()

    def kill(self):
        """With its workers, where it has not ended them."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    async def stop(self):
        self.process.terminate()
        status = await asyncio.to_thread(self.process.wait, PATIENCE)
        check(status == 0, f"exit status {status}: {self.said()}")


def running(kind, *apps, **how):
    """The proxy, until the block ends."""

    @contextlib.asynccontextmanager
    async def manager():
        proxy = kind(*apps, **how)
        try:
            await eventually(proxy.is_ready, "the proxy is ready")
            yield proxy
            if proxy.process.poll() is None:
                await proxy.stop()
        except BaseException:
            print(proxy.said(), end="")
            raise
        finally:
            proxy.kill()
            atexit.unregister(proxy.kill)
            proxy.log.close()
            proxy.folder.cleanup()

    return manager()


# ---- what has to come through ----


async def echoes(kind, exercise=exercise_echo, secure=False, secure_behind=False, pipe=False):
    with app(pipe=pipe, secure=secure_behind) as server:
        async with running(kind, server, secure=secure, secure_behind=secure_behind) as proxy:
            async with proxy.connect() as link:
                await exercise(link)
            check(link.close_code == 1000, f"close code {link.close_code}")
            await server.saw("CLOSE 1000 ")


async def exercise_briefly(link):
    for message in (text_of(1000), bytes_of(1 << 20)):
        await link.send(message)
        check(await link.recv() == message, "the echo differs")


async def deflate_passes(kind):
    with app("--deflate", "dedicated") as server:
        async with running(kind, server) as proxy:
            async with proxy.connect(compression="deflate") as link:
                check([e.name for e in link.extensions] == ["permessage-deflate"], f"extensions {link.extensions}")
                for size in (0, 100, 1000, 1 << 20):
                    message = realistic(str, size)
                    await link.send(message)
                    check(await link.recv() == message, "the echo differs")


async def client_closes(kind):
    with app() as server:
        async with running(kind, server) as proxy:
            for code, reason in CLOSES:
                async with proxy.connect() as link:
                    await link.close(code, reason)
                check(link.close_code == code, f"close code {link.close_code}")
                await server.saw(f"CLOSE {code} {reason}")


async def server_closes(kind):
    server = App()
    async with running(kind, server) as proxy:
        link = await proxy.connect()
        await exercise_briefly(link)
        server.terminate()
        await link.wait_closed()
        check(link.close_code == 1001, f"close code {link.close_code}")
        server.join()


async def what_the_app_is_told(kind, secure=False):
    """Host and Origin as the client sent them, and who it is."""
    with app("--subprotocol", "chat") as server:
        async with running(kind, server, secure=secure) as proxy:
            origin = f"{'https' if secure else 'http'}://{proxy.host}"
            forged = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "gopher")]
            how = {"origin": origin, "subprotocols": ["other", "chat"], "extra_headers": forged}
            async with proxy.connect("/a%20path?query=1", **how) as link:
                check(link.subprotocol == "chat", f"subprotocol {link.subprotocol}")
            await server.saw("CLOSE 1000 ")
            check("REQUEST /a%20path?query=1" in server.lines, f"{server.lines}")
            for name, value in {
                "Host": proxy.host, "Origin": origin, "X-Forwarded-For": "127.0.0.1",
                "X-Forwarded-Proto": proxy.told_scheme, "Sec-WebSocket-Protocol": "other, chat",
            }.items():
                check(server.fields(name) == [value], f"{name}: {server.fields(name)}, expected {value}")


# ---- wsuv's client, an app in Python ----


async def session(kind, play, ending, status, flags=(), **options):
    """As in test_websockets_server.py, with the proxy between."""
    played = asyncio.get_running_loop().create_future()

    async def handler(link):
        try:
            lines = await play(link)
        except (Exception, asyncio.CancelledError) as error:  # reported below, where the test waits
            played.set_exception(error)
        else:
            played.set_result(lines)

    async with python_app(handler, **options) as where:
        async with running(kind, where) as proxy:
            client = proxy.client(*flags)
            try:
                lines = await played
                got = await asyncio.to_thread(client.wait)
            finally:
                client.kill()
    wanted = (status, ["OPEN", *lines, *ending])
    check(got == wanted, f"the client said {got[0]} {got[1][-5:]}, expected {status} {wanted[1][-5:]}")


async def echo_and_close(link):
    lines = await exercise_echo(link)
    await link.close(4999, "x" * 123)
    return lines


async def tells_to_close(link):
    await link.send("please close")
    await link.wait_closed()
    check(link.close_code == 1000, f"close code {link.close_code}")
    return ["MESSAGE text 12"]


async def is_compressed(link):
    check([e.name for e in link.extensions] == ["permessage-deflate"], f"extensions {link.extensions}")
    message = realistic(str, 100000)
    await link.send(message)
    check(await link.recv() == message, "the echo differs")
    await link.close()
    return ["DEFLATE deflate 12 takeover, inflate 12 takeover", "MESSAGE text 100000"]


async def names_a_subprotocol(link):
    check(link.subprotocol == "chat", f"subprotocol {link.subprotocol}")
    await link.close()
    return ["SUBPROTOCOL chat"]


async def secure_client(kind):
    with app() as server:
        async with running(kind, server, secure=True) as proxy:
            client = proxy.client()
            await eventually(lambda: any(line.startswith("REQUEST") for line in server.lines), "the request has come")
            client.process.terminate()
            status, lines = await asyncio.to_thread(client.wait)
            check(status == 0 and lines[0] == "OPEN" and lines[1].startswith("TLS TLSv1."), f"{status} {lines}")
            await server.saw("CLOSE 1001 ")


async def no_app(kind):
    with tempfile.TemporaryDirectory() as folder:
        async with running(kind, f"unix:{folder}/nothing") as proxy:
            client = proxy.client()
            status, lines = await asyncio.to_thread(client.wait)
            check(status == 1 and len(lines) == 1 and str(proxy.absent) in lines[0], f"{status} {lines}")


# ---- time ----


async def pings_keep_a_connection(kind):
    with app("--ping-interval-ms", "200") as server:
        async with running(kind, server, idle="1s") as proxy:
            link = proxy.open_raw()
            for _ in range(10):  # two seconds at least
                opcode, payload = link.receive()
                check(opcode == PING, f"opcode {opcode}")
                link.send(link.frame(PONG, payload))
            link.send(link.frame(TEXT, b"still here"))
            link.expect(TEXT, b"still here")
            link.finish()


async def silence_is_cut(kind):
    with app("--ping-interval-ms", "600000") as server:
        async with running(kind, server, idle="1s") as proxy:
            link = await proxy.connect()
            await link.wait_closed()
            check(link.close_code == 1006, f"close code {link.close_code}")
            await server.saw("CLOSE 1006 ")


# ---- restarts ----


async def a_reload_leaves_connections_alone(kind):
    with app() as server:
        async with running(kind, server) as proxy:
            before = await proxy.connect()
            await exercise_briefly(before)
            proxy.reload(put(proxy.text, f"Proto {proxy.scheme}", "Proto reloaded"))
            nended = 0
            while nended == 0 or server.fields("X-Forwarded-Proto") != ["reloaded"]:
                async with proxy.connect():
                    nended += 1
                await server.saw("CLOSE 1000 ", nended)
            after = await proxy.connect()
            await exercise_echo(after)
            await exercise_briefly(before)
            await before.close(3001, "after the reload")
            await server.saw("CLOSE 3001 after the reload")
            await after.close()


async def an_end_of_the_proxy_is_seen(kind):
    with app() as server:
        async with running(kind, server) as proxy:
            link = await proxy.connect()
            await exercise_briefly(link)
            await proxy.stop()
            await link.wait_closed()
            check(link.close_code == 1006, f"close code {link.close_code}")
            await server.saw("CLOSE 1006 ")


async def who_is_answered_503_gets_to_the_other(kind):
    """As by an app that drains."""
    nrefused = 0

    async def refuse(_path, _headers):
        nonlocal nrefused
        nrefused += 1
        return 503, [("Retry-After", "5")], b""

    async with python_app(exercise_briefly, process_request=refuse) as draining:
        with app() as free:
            async with running(kind, draining, free) as proxy:
                for _ in range(4):
                    async with proxy.connect() as link:
                        await exercise_briefly(link)
    check(nrefused > 0, "the one that answers 503 was not asked")


async def who_is_one_too_many_gets_to_the_other(kind):
    """Who comes to a full app is answered 503 as soon as it has asked, on a new connection and on one that the proxy kept."""
    async with contextlib.AsyncExitStack() as stack:
        full, free = (stack.enter_context(app(*flags)) for flags in (["--max-connections", "1"], []))
        proxy = await stack.enter_async_context(running(kind, full, free))
        links = []
        for _ in range(8):
            links.append(await proxy.connect())
            await exercise_briefly(links[-1])
        for link in links:
            await link.close()
    nserved = [sum(line.startswith("CLOSE 1000") for line in server.lines) for server in (full, free)]
    check(nserved == [1, 7], f"the full one and the other served {nserved}")


async def who_finds_nobody_gets_to_the_other(kind):
    with tempfile.TemporaryDirectory() as folder, app(pipe=True) as server:
        async with running(kind, f"unix:{folder}/nothing", server) as proxy:
            for _ in range(4):
                async with proxy.connect() as link:
                    await exercise_briefly(link)


# ---- other requests ----


async def plain_requests_on_one_connection(kind):
    with app() as server:
        async with running(kind, server) as proxy:
            for _ in range(2):
                link = proxy.raw()
                for _ in range(5):
                    link.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    start, fields = testee.parse_head(link.take_head())
                    check(start.startswith("HTTP/1.1 426 "), f"answered {start}")
                    link.take(int(testee.one(fields, "content-length")))
                link.send(testee.request(proxy.port))
                start, _ = testee.parse_head(link.take_head())
                check(start.startswith("HTTP/1.1 101 "), f"answered {start}")
                link = wire.Wire(link.sock, True, link.inbox)
                link.echo(BINARY, bytes_of(1000))
                link.finish()


def tests(kind):
    """Named, for peer.run."""
    client = functools.partial(functools.partial, session, ending=["CLOSE 1000"], status=0)
    offers = ["--deflate", "dedicated", "--deflate-bits", "off", "--inflate-bits", "off"]
    brief = functools.partial(functools.partial, echoes, exercise=exercise_briefly)
    plain = [
        ("echo", echoes),
        ("echo, the app on a unix socket", brief(pipe=True)),
        ("the client closes", client_closes),
        ("the app closes", server_closes),
        ("what the app is told", what_the_app_is_told),
        ("wsuv's client: echo", client(play=echo_and_close, ending=["CLOSE 4999"], compression=None)),
        ("wsuv's client closes", client(play=tells_to_close)),
        ("wsuv's client: subprotocol",
         client(play=names_a_subprotocol, flags=["--subprotocol", "chat"], subprotocols=["chat"])),
        ("wsuv's client without an app", no_app),
        ("pings keep a connection", pings_keep_a_connection),
        ("silence is cut", silence_is_cut),
        ("a reload leaves connections alone", a_reload_leaves_connections_alone),
        ("an end of the proxy is seen", an_end_of_the_proxy_is_seen),
        ("who is answered 503 gets to the other", who_is_answered_503_gets_to_the_other),
        ("who is one too many gets to the other", who_is_one_too_many_gets_to_the_other),
        ("who finds nobody gets to the other", who_finds_nobody_gets_to_the_other),
        ("plain requests on one connection", plain_requests_on_one_connection),
    ]
    deflate = [
        ("permessage-deflate", deflate_passes),
        ("wsuv's client: permessage-deflate", client(play=is_compressed, flags=offers, compression="deflate")),
    ]
    secure = [
        ("echo, TLS ends at the proxy", functools.partial(echoes, secure=True)),
        ("echo, TLS behind it, too", functools.partial(echoes, secure=True, secure_behind=True)),
        ("TLS behind it only, on a unix socket", brief(secure_behind=True, pipe=True)),
        ("what the app is told of TLS", functools.partial(what_the_app_is_told, secure=True)),
        ("wsuv's client over TLS", secure_client),
    ]
    chosen = plain + (deflate if has("--deflate", "shared", "ws:/") else [])
    if tls.folder() is not None and has("--insecure", "wss:/"):
        chosen += secure
    return [(name, functools.partial(test, kind)) for name, test in chosen]


def has(*flags):
    """Whether the testees were built with what these ask for."""
    done = subprocess.run([testee.find("wsuv-testee-client"), *flags], capture_output=True, timeout=PATIENCE, check=False)
    return done.returncode != testee.SKIPPED


