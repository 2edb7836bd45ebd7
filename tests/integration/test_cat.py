"""wsuv-cat on pipes, files and a pseudo-terminal, with the echo server and with a server made by hand.

usage: test_cat.py DIRECTORY-OF-THE-BUILT-SAMPLES [TEST...]

One line a test; exit status 0, or 1 if one failed. Nothing waits for a fixed time. WSUV_TEST_CERTS is where the certificates
of the tests are; without it those of TLS are left out.
"""

# covers: DEM.4 DEM.5 UV.10 UV.11 UV.14

import contextlib
import fcntl
import os
import pty
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))

import wire  # noqa: E402
from testee import kill, one, parse_head, resident, response  # noqa: E402
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Agreement, DeflateWire, Failure, Stream, Wire  # noqa: E402

MIB = 1 << 20
DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
BIN = sys.argv[1] if len(sys.argv) > 1 else "."
CAT = os.path.join(BIN, "wsuv-cat")
CERTS = os.environ.get("WSUV_TEST_CERTS", "")
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def tls_test(function):
    return test(function) if CERTS else function


def check(holds, what):
    if not holds:
        raise Failure(what)


def same(expected, got, what):
    check(expected == got, f"{what}: expected {wire.shown(expected) if isinstance(expected, bytes) else expected!r}, "
          f"got {wire.shown(got) if isinstance(got, bytes) else got!r}")


# ---- programs ----


class Cat:
    """wsuv-cat with its standard error in a file; `stdin` and `stdout` as Popen has them."""

    def __init__(self, *args, stdin=DEVNULL, stdout=None, env=None):
        self.out = tempfile.TemporaryFile() if stdout is None else None
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [CAT, *args], stdin=stdin, stdout=self.out or stdout, stderr=self.err, bufsize=0,
            env=env and {**os.environ, **env},
        )

    def type(self, data):
        self.process.stdin.write(data)

    def end(self, expected):
        """Waits for the end with this status; what it printed."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            status = self.process.wait(wire.PATIENCE)
        except subprocess.TimeoutExpired:
            kill(self.process)
            raise Failure(f"wsuv-cat did not end; it says: {self.said()}") from None
        same(expected, status, f"exit status ({self.said()})")
        return self.printed()

    def printed(self):
        if self.out is None:
            return b""
        self.out.seek(0)
        return self.out.read()

    def said(self):
        self.err.seek(0)
        return self.err.read().decode()

    def wait_printed(self, what):
        wait_until(lambda: what in self.printed(), f"{what!r} on standard output")


def wait_until(condition, what):
    deadline = time.monotonic() + wire.PATIENCE
    while not condition():
        check(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.01)


class Echo:
    """The echo servers among the samples, shared by all tests."""

    started = {}

    @classmethod
    def start(cls, name="01_echo_server", *args):
        if (name, args) not in cls.started:
            process = subprocess.Popen(
                [os.path.join(BIN, name), "--port", "0", *args], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, text=True
            )
            cls.started[name, args] = process, process.stdout.readline().split()[-1]
        return cls.started[name, args][1]

    @classmethod
    def start_tls(cls, cert="server", name="13_tls_echo_server", *args):
        return cls.start(name, "--cert", pem(cert), "--key", key(cert), *args)

    @classmethod
    def stop(cls):
        for process, _ in cls.started.values():
            process.terminate()
            process.communicate()


@contextlib.contextmanager
def port_without_a_server():
    """Nobody listens on it, nor can anybody meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def pem(name):
    return os.path.join(CERTS, name + ".pem")


def key(name):
    return os.path.join(CERTS, name + ".key")


class Peer:
    """A server of ours and the wsuv-cat that connects to it; with an `agreement` compression is agreed to, with a `tls`
    context there is TLS under it."""

    def __init__(self, *args, fields=(), start=Cat, upgrade=True, agreement=None, tls=None, **how):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(wire.PATIENCE)
            scheme = "wss" if tls else "ws"
            self.cat = start(*args, "%s://127.0.0.1:%d/path?query" % (scheme, listener.getsockname()[1]), **how)
            sock, _ = listener.accept()
        if tls:
            sock.settimeout(wire.PATIENCE)
            sock = tls.wrap_socket(sock, server_side=True)
        self.link = Stream(sock)
        self.head = self.link.take_head()
        if upgrade:
            self.link.send(response(self.head, fields))
            if agreement:
                self.link = DeflateWire(sock, False, agreement, self.link.inbox)
            else:
                self.link = Wire(sock, False, self.link.inbox)

    def send(self, opcode, payload=b"", **how):
        self.link.send(self.link.frame(opcode, payload, **how))

    def close(self, code=1000, reason=b""):
        """A closing handshake that we start."""
        self.send(CLOSE, code.to_bytes(2, "big") + reason)
        self.link.expect_closed(code, told=code)

    def answer_close(self, code=1000):
        self.link.expect_close_request(code)


def run(args, status, data=b"", **how):
    """wsuv-cat with this input from a pipe: what it printed and what it said."""
    cat = Cat(*args, stdin=PIPE, **how)
    try:
        cat.type(data)
    except BrokenPipeError:
        pass
    return cat.end(status), cat.said()


# ---- the command line ----


@test
def mistakes_on_the_command_line():
    url = "ws://127.0.0.1:1/"
    for args in (
        [], ["--no-such-option", url], [url, "more"], ["-H"], ["-H", "no colon", url], ["-H", ": no name", url],
        ["-H", "Host: elsewhere", url], ["-H", "bad name: x", url], ["-s", "no token", url], ["-k", url],
        ["--insecure", "http://127.0.0.1:1/"], ["--block", "10", url], ["--block", "0", "-b", url],
        ["--block", "10", "-b", "--whole", url], ["--slash", "-b", url], ["--slash", "--whole", url],
        ["--cacert", "x", url], ["--cert", "x", url], ["--tls-name", "x", url], ["--pin", "x", url],
        ["--key", "x", "wss://127.0.0.1:1/"], ["-k", "--cacert", "x", "wss://127.0.0.1:1/"],
        ["-n", "--wait", "1", url], ["--max-pings", "0", url], ["--connect-timeout", "0", url], ["not-a-url"], ["ws://"],
    ):
        printed, said = run(args, 2)
        same(b"", printed, f"output of {args}")
        check(1 <= said.count("\n") <= 2, f"{args} is explained in a line, not {said!r}")


@test
def help_and_version():
    printed, said = run(["--help"], 0)
    for word in (b"usage: wsuv-cat ", b"Exit status:", b"-H, --header", b"128+N"):
        check(word in printed, f"{word} is in the help")
    same("", said, "standard error")
    check(run(["--version"], 0)[0].startswith(b"wsuv-cat "), "the version")


@test
def a_build_without_tls_says_so():
    if b", no TLS)" not in run(["--version"], 0)[0]:
        return
    for args in (["--cacert", "nothing", "https://127.0.0.1:1/"], ["wss://127.0.0.1:1/"], ["-k", "WSS://127.0.0.1:1/"]):
        check("TLS is not available" in run(args, 3)[1], "it says so")


# ---- the echo server ----


@test
def lines_come_back():
    printed, said = run([Echo.start()], 0, b"one\n\ntwo \xc3\xa4\nlast without its end")
    same(b"one\n\ntwo \xc3\xa4\nlast without its end\n", printed, "output")
    same("", said, "standard error")
    same(b"", run([Echo.start()], 0)[0], "output of no input")


def compare_echo(args, data, server="01_echo_server"):
    """From a pipe and from a file, to a file."""
    url = Echo.start(server)
    same(data, run([*args, url], 0, data)[0], f"{args} from a pipe")
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        same(data, Cat(*args, url, stdin=file).end(0), f"{args} from a file")


@test
def ten_mebibytes_of_lines_come_back_in_order():
    lines = b"".join(b"%d %s\n" % (i, b"x" * (i % 200)) for i in range(100000))
    check(len(lines) > 10 * MIB, "enough")
    compare_echo([], lines)


@test
def ten_mebibytes_of_octets_come_back():
    data = os.urandom(10 * MIB + 1)
    compare_echo(["-b"], data)
    compare_echo(["-b", "--block", "100001"], data)
    compare_echo(["-b", "--whole"], data)


@test
def a_line_may_have_16_mebibytes():
    line = b"x" * (16 * MIB) + b"\n"
    same(line, run([Echo.start()], 0, line)[0], "output")
    check("over 16 MiB" in run([Echo.start()], 5, b"x" + line)[1], "one more is refused")


@test
def the_whole_input_is_one_text_message():
    peer = Peer("--whole", stdin=PIPE)
    peer.cat.type(b"one\n\xe2\x82")
    first = peer.link.take(2)
    same(TEXT, first[0], "first octet: text, more follows")
    key = peer.link.take(4)
    same(b"one\n\xe2\x82", wire.masked(peer.link.take(first[1] & 127), key), "first piece")
    peer.cat.type(b"\xac")
    same(CONTINUATION, peer.link.take(2)[0], "second frame: more follows")
    key = peer.link.take(4)
    same(b"\xac", wire.masked(peer.link.take(1), key), "second piece")
    peer.cat.process.stdin.close()
    same(b"\x80\x80", peer.link.take(2), "last frame: empty")
    peer.link.take(4)
    peer.answer_close()
    peer.cat.end(0)


@test
def output_that_nobody_reads_any_more_ends_it():
    cat = Cat(Echo.start(), stdin=PIPE, stdout=PIPE)
    cat.type(b"one\n")
    same(b"one\n", cat.process.stdout.read(4), "output")
    cat.process.stdout.close()
    cat.type(b"two\n")
    try:
        status = cat.process.wait(wire.PATIENCE)  # though its input goes on
    finally:
        cat.process.stdin.close()
    same((0, ""), (status, cat.said()), "status, standard error")


@test
def output_that_fails_is_told():
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "wb") as full:
        _, said = run([Echo.start()], 5, b"one\n", stdout=full)
    check("standard output" in said, f"said {said!r}")


@test
def a_unix_socket():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        server = subprocess.Popen([os.path.join(BIN, "01_echo_server"), "--path", path], stdout=PIPE)
        try:
            server.stdout.readline()
            same(b"one\n", run(["--unix", path, "ws://localhost/"], 0, b"one\n")[0], "output")
        finally:
            kill(server)
        run(["--unix", path, "ws://localhost/"], 3)


# ---- TLS ----


def refused(args, url, error, word=""):
    """wsuv-cat does not connect and says why in a line, by name and in words."""
    printed, said = run([*args, url], 3, b"secret\n")
    same(b"", printed, "output")
    same(1, said.count("\n"), f"lines of {said!r}")
    check(f": {error}: " in said and word in said, f"{error} is told: {said!r}")


@tls_test
def lines_and_octets_come_back_over_tls():
    url = Echo.start_tls()
    check(url.startswith("wss://"), url)
    printed, said = run(["--cacert", pem("ca"), "-v", url], 0, b"one\n\ntwo")
    same(b"one\n\ntwo\n", printed, "output")
    check("\nTLSv1.3, TLS_AES_256_GCM_SHA384, server CN=server (verified)\n" in said, said)
    data = os.urandom(10 * MIB + 1)
    same(data, run(["--cacert", pem("ca"), "-b", url], 0, data)[0], "octets")
    same(data, run(["--cacert", pem("ca"), "-b", "--whole", url], 0, data)[0], "octets in one message")


@tls_test
def an_authority_of_the_systems_will_do():
    same(b"one\n", run([Echo.start_tls()], 0, b"one\n", env={"SSL_CERT_FILE": pem("ca")})[0], "output")


@tls_test
def a_certificate_that_is_not_acceptable_is_told():
    url = Echo.start_tls()
    nowhere = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    same(b"", run([url], 3, env=nowhere)[0], "output")
    refused(["--cacert", pem("other_ca")], url, "ECERTAUTHORITY")
    refused(["--cacert", pem("ca"), "--tls-name", "b.example"], url, "ECERTHOST", "b.example")
    refused(["--cacert", pem("ca"), "--pin", "sha256//" + 43 * "A" + "="], url, "ECERTPIN")
    refused(["--cacert", pem("ca")], Echo.start_tls("expired"), "ECERTEXPIRED")
    refused(["--cacert", pem("ca")], "wss" + Echo.start()[2:], "ENOTTLS")


@tls_test
def files_that_are_no_good_are_told():
    url = "wss://127.0.0.1:1/"
    for args, word in (
        (["--cacert", pem("nothing")], "nothing.pem"), (["--cacert", key("ca")], "ca.key"),
        (["--cert", pem("alice"), "--key", key("bob")], "bob.key"), (["--cert", pem("alice")], "alice.pem"),
    ):
        said = run([*args, url], 3)[1]
        check(word in said and said.count("\n") == 1, f"{args} is explained: {said!r}")
    check("base64" in run(["--pin", "sha256//short", url], 2)[1], "what a pin is")


@tls_test
def insecure_warns():
    url = Echo.start_tls("self_signed")
    printed, said = run(["-k", url], 0, b"one\n")
    same(b"one\n", printed, "output")
    check(said.startswith("WARNING: ") and said.count("\n") == 1, said)
    check("(NOT verified)\n" in run(["--insecure", "-v", url], 0, b"one\n")[1], "-v says so, too")
    printed, said = run(["-k", "--pin", "sha256//" + 43 * "A" + "=", url], 3)
    check("ECERTPIN" in said, "a pin holds nevertheless")


@tls_test
def a_pin_that_is_right():
    with open(os.path.join(CERTS, "pin.txt"), encoding="ascii") as file:
        pin = file.read().strip()
    url = Echo.start_tls()
    other = "sha256//" + 43 * "A" + "="
    same(b"one\n", run(["--cacert", pem("ca"), "--pin", other, "--pin", pin, url], 0, b"one\n")[0], "output")
    same(b"one\n", run(["-k", "--pin", pin, url], 0, b"one\n")[0], "output without the authority")


@tls_test
def another_name_than_the_urls():
    url = Echo.start_tls("a")
    refused(["--cacert", pem("ca")], url, "ECERTHOST", "127.0.0.1")
    same(b"one\n", run(["--cacert", pem("ca"), "--tls-name", "a.example", url], 0, b"one\n")[0], "output")


@tls_test
def a_certificate_of_ours():
    url = Echo.start_tls("server", "16_mutual_tls", "--ca", pem("ca"))
    alice = ["--cert", pem("alice"), "--key", key("alice")]
    same(b"CN=alice,O=wsuv: one\n", run(["--cacert", pem("ca"), *alice, url], 0, b"one\n")[0], "output")
    refused(["--cacert", pem("ca")], url, "ECERTREFUSED")
    refused(["--cacert", pem("ca"), "--cert", pem("mallory"), "--key", key("mallory")], url, "ECERTREFUSED")


@tls_test
def secrets_are_logged_where_the_environment_says_so():
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "keys")
        for n in (1, 2):
            run(["--cacert", pem("ca"), Echo.start_tls()], 0, b"one\n", env={"SSLKEYLOGFILE": log})
            with open(log, encoding="ascii") as file:
                lines = file.read().splitlines()
            same(n, sum(line.startswith("CLIENT_TRAFFIC_SECRET_0 ") for line in lines), "secrets")
        same(0o600, os.stat(log).st_mode & 0o777, "permissions")
        run([Echo.start()], 0, b"one\n", env={"SSLKEYLOGFILE": os.path.join(folder, "others")})
        check(not os.path.exists(os.path.join(folder, "others")), "no secrets without TLS")


@tls_test
def tls_of_another_library():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem("server"), key("server"))
    trust = ["--cacert", pem("ca")]
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context.minimum_version = context.maximum_version = version
        peer = Peer(*trust, "-v", stdin=PIPE, tls=context)
        peer.cat.type(b"question\n")
        peer.link.expect(TEXT, b"question")
        peer.send(TEXT, b"answer " * 100000)
        peer.send(CLOSE, b"\x03\xe8")
        peer.link.expect(CLOSE, b"\x03\xe8")
        peer.link.close()
        same(b"answer " * 100000 + b"\n", peer.cat.end(0), "output")
        check(f"\n{name}, " in peer.cat.said(), peer.cat.said())
        peer = Peer(*trust, stdin=PIPE, tls=context)
        peer.link.close()
        peer.cat.end(4)
        check("connection lost: " in peer.cat.said(), peer.cat.said())


# ---- the opening handshake ----


@test
def the_request_has_what_was_asked_for():
    peer = Peer("-H", "X-One: 1", "--header", "X-Two:two: 2", "-o", "http://page", "-s", "a", "--subprotocol", "b", "-v",
                fields=[b"Sec-WebSocket-Protocol: b"])
    start, fields = parse_head(peer.head)
    same("GET /path?query HTTP/1.1", start, "request line")
    for name, value in (("x-one", "1"), ("x-two", "two: 2"), ("origin", "http://page")):
        same(value, one(fields, name), name)
    same("a, b", one(fields, "sec-websocket-protocol"), "subprotocols")
    peer.answer_close()
    peer.cat.end(0)
    for line in ("subprotocol b\n", "sent: close 1000\n", "closed with 1000"):
        check(line in peer.cat.said(), f"{line!r} is in {peer.cat.said()!r}")


@test
def a_refusal_is_told():
    peer = Peer(upgrade=False)
    peer.link.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 23\r\n\r\nno entry\x1b[2J\x9b\r\nsecond..")
    peer.link.shut()
    same(b"", peer.cat.end(3), "output")
    said = peer.cat.said()
    check("403: no entry?[2J?\n" in said and "second" not in said, f"said {said!r}")


@test
def no_connection_is_told():
    with port_without_a_server() as port:
        check("refused" in run([f"ws://127.0.0.1:{port}/"], 3)[1], "connection refused")
    check("no-such-host" in run(["ws://no-such-host.invalid/"], 3)[1], "no such host")


@test
def a_silent_server_is_not_waited_for():
    peer = Peer("--connect-timeout", "1", upgrade=False)
    peer.cat.end(3)
    check("cannot connect" in peer.cat.said(), peer.cat.said())


# ---- closing ----


@test
def the_exit_status_tells_the_close_code():
    for code, reason, status in ((1000, b"bye", 0), (1011, b"my \x7f\xc2\x9bfault", 1), (1001, b"", 1), (4000, b"", 1)):
        peer = Peer(stdin=PIPE)
        peer.close(code, reason)
        peer.cat.end(status)
        said = peer.cat.said()
        check((str(code) in said) == (status == 1), f"the code {code} is told: {said!r}")
        check("\x7f" not in said and "\x9b" not in said, "no control of the server's is printed")
        check(code != 1011 or "1011 INTERNAL_ERROR: my ???fault\n" in said, f"the reason is told: {said!r}")
    peer = Peer(stdin=PIPE)
    peer.send(CLOSE)
    peer.link.expect_closed(1005, told=1005)
    peer.cat.end(0)


@test
def a_lost_connection_is_told():
    for lose in (lambda link: link.close(), lambda link: link.reset()):
        peer = Peer(stdin=PIPE)
        lose(peer.link)
        peer.cat.end(4)
        check("connection lost: " in peer.cat.said(), peer.cat.said())


@test
def an_error_of_the_servers_is_told():
    peer = Peer(stdin=PIPE)
    peer.link.send(b"\x83\x00")
    peer.link.expect_failed(1002)
    peer.cat.end(4)
    check("unknown opcode" in peer.cat.said(), peer.cat.said())


@test
def a_close_that_is_not_answered_is_given_up():
    peer = Peer()
    peer.link.expect(CLOSE, b"\x03\xe8")
    peer.send(TEXT, b"late")
    same(b"late\n", peer.cat.end(4), "output")
    check("did not close" in peer.cat.said(), peer.cat.said())


@test
def what_comes_before_the_servers_close_is_printed():
    peer = Peer(stdin=PIPE)
    peer.cat.type(b"question")
    peer.cat.process.stdin.close()
    peer.link.expect(TEXT, b"question")
    peer.link.expect(CLOSE, b"\x03\xe8")
    peer.send(TEXT, b"answer " * 100000)
    peer.send(TEXT, b"last")
    peer.send(CLOSE, b"\x03\xe8")
    peer.link.shut()
    same(b"answer " * 100000 + b"\nlast\n", peer.cat.end(0), "output")


@test
def the_server_may_end_before_all_is_sent():
    peer = Peer(stdin=PIPE)
    os.set_blocking(peer.cat.process.stdin.fileno(), False)
    fill(peer.cat.process.stdin, b"line\n" * 10000)
    peer.send(CLOSE, b"\x03\xe8")
    while peer.link.receive()[0] != CLOSE:
        pass
    peer.link.shut()
    peer.cat.end(1)
    check("before all was sent" in peer.cat.said(), peer.cat.said())


def fill(file, block, limit=256 * MIB):
    """Writes until nobody takes more for a while; what was written."""
    pieces = []
    total = 0
    while total < limit:
        if not select.select([], [file], [], 0.5)[1]:
            return b"".join(pieces)
        n = file.write(block)
        pieces.append(block[: n or 0])
        total += n or 0
    raise Failure("there is no end to what it takes in")


# ---- both directions ----


@test
def a_slow_server_is_waited_for():
    peer = Peer("-b", stdin=PIPE)
    os.set_blocking(peer.cat.process.stdin.fileno(), False)
    sent = fill(peer.cat.process.stdin, os.urandom(MIB), 64 * MIB)
    peer.cat.process.stdin.close()
    got = []
    while True:
        opcode, payload = peer.link.receive()
        if opcode == CLOSE:
            break
        got.append(payload)
    same(sent, b"".join(got), "what the server got")
    peer.send(CLOSE, b"\x03\xe8")
    peer.link.shut()
    peer.cat.end(0)


@test
def a_slow_reader_is_waited_for():
    peer = Peer("-n", stdout=PIPE)
    block = os.urandom(MIB)
    frame = wire.frame(BINARY, block)
    sent = 0
    while select.select([], [peer.link.sock], [], 0.5)[1]:
        sent += peer.link.sock.send(memoryview(frame)[sent % len(frame) :])
        check(sent < 256 * MIB, "there is no end to what it takes in")
    out = peer.cat.process.stdout
    got = b""
    rest = memoryview(frame)[sent % len(frame) :] if sent % len(frame) else memoryview(b"")
    nframes = (sent + len(frame) - 1) // len(frame)
    os.set_blocking(out.fileno(), False)
    pieces = []
    total = 0
    while total < nframes * len(block):
        readable, writable, _ = select.select([out], [peer.link.sock] if rest else [], [], wire.PATIENCE)
        check(readable or writable, "it goes on")
        if writable:
            rest = rest[peer.link.sock.send(rest) :]
        if readable:
            pieces.append(out.read(MIB) or b"")
            total += len(pieces[-1])
    got = b"".join(pieces)
    check(got == block * nframes, "all comes out")
    peer.close()
    peer.cat.end(0)


@test
def binary_text_and_controls_on_a_pipe_are_as_they_are():
    peer = Peer("-n", "-v")
    peer.send(TEXT, b"\x1b[31mred", fin=False)
    peer.send(PING, b"ping")
    peer.link.expect(PONG, b"ping")
    peer.send(CONTINUATION, b" \xc2\x9b")
    peer.send(BINARY, b"\0\x1b\xff\n")
    peer.send(PONG, b"")
    peer.send(TEXT, b"")
    peer.close()
    same(b"\x1b[31mred \xc2\x9b\n\0\x1b\xff\n\n", peer.cat.end(0), "output")
    said = peer.cat.said()
    for line in ("received: ping, 4 octets", "received: pong, 0 octets", "received: text, 11 octets",
                 "received: binary, 4 octets", "closed with 1000"):
        check(line in said, f"{line!r} is in {said!r}")


@test
def one_message_is_enough():
    peer = Peer("-1", stdin=PIPE)
    peer.link.send(peer.link.frame(TEXT, b"first") + peer.link.frame(TEXT, b"second"))
    peer.answer_close()
    same(b"first\n", peer.cat.end(0), "output")


@test
def text_that_is_not_utf8_is_not_sent():
    peer = Peer(stdin=PIPE)
    peer.cat.type(b"good\nbad \xff\nnever\n")
    peer.link.expect(TEXT, b"good")
    peer.answer_close(1011)
    peer.cat.end(5)
    check("line 2 is not sent: " in peer.cat.said(), peer.cat.said())


@test
def no_close_and_wait():
    peer = Peer("--no-close")
    peer.send(TEXT, b"one")
    peer.cat.wait_printed(b"one\n")
    peer.close()
    peer.cat.end(0)
    peer = Peer("--wait", "1")
    peer.send(TEXT, b"one")
    peer.cat.wait_printed(b"one\n")  # so it was not closed at once
    peer.answer_close()
    peer.cat.end(0)


@test
def pings_that_are_not_answered_end_it():
    peer = Peer("-n", "--ping-interval", "1", "--max-pings", "1")
    same(PING, peer.link.receive()[0], "frame")
    same(CLOSE, peer.link.receive()[0], "frame")
    peer.link.close()
    peer.cat.end(4)
    check("connection lost: " in peer.cat.said(), peer.cat.said())


@test
def slash_commands():
    peer = Peer("--slash", stdin=PIPE)
    peer.cat.type(b"/ping hello\n//path\n")
    peer.link.expect(PING, b"hello")
    peer.link.expect(TEXT, b"/path")
    peer.cat.type(b"/ping\nplain\n/close 4000 good bye\nnever\n")
    peer.link.expect(PING, b"")
    peer.link.expect(TEXT, b"plain")
    peer.link.expect(CLOSE, b"\x0f\xa0good bye")
    peer.send(CLOSE, b"\x0f\xa0")
    peer.link.shut()
    peer.cat.end(1)
    for line in (b"/pong\n", b"/close 1006\n", b"/close bye\n", b"/ping " + b"x" * 126 + b"\n", b"/ping \0\n"):
        peer = Peer("--slash", stdin=PIPE)
        peer.cat.type(line)
        peer.answer_close(1011)
        peer.cat.end(5)
        check("line 1 is no command: " in peer.cat.said(), peer.cat.said())
    peer = Peer(stdin=PIPE)
    peer.cat.type(b"/ping\n")
    peer.link.expect(TEXT, b"/ping")
    peer.close()
    peer.cat.end(0)


@test
def a_shared_pipe_is_given_back_as_it_was():
    reading, writing = os.pipe()
    try:
        peer = Peer("--slash", stdin=reading)
        os.write(writing, b"/close\n")
        peer.answer_close()
        peer.cat.end(0)
        check(os.get_blocking(reading), "the pipe is blocking again")
    finally:
        os.close(reading)
        os.close(writing)


# ---- compression ----


AGREED = b"Sec-WebSocket-Extensions: permessage-deflate"


def has_deflate():
    """Also checks what is said where it was not built in."""
    with port_without_a_server() as port:
        cat = Cat("-z", f"ws://127.0.0.1:{port}/")
        status = cat.process.wait(wire.PATIENCE)
    if status == 3:
        return True
    same(2, status, f"exit status ({cat.said()})")
    check("built without permessage-deflate" in cat.said(), f"said {cat.said()!r}")
    return False


@test
def messages_are_compressed():
    if not has_deflate():
        return
    line = bytes(range(0x21, 0x7F))
    for option in ("-z", "--compress"):
        peer = Peer(option, "-v", stdin=PIPE, fields=[AGREED], agreement=Agreement())
        same("permessage-deflate; client_max_window_bits", one(parse_head(peer.head)[1], "sec-websocket-extensions"), "offer")
        peer.cat.type(line + b"\n" + line + b"\n")
        sent = []
        for _ in range(2):
            peer.link.expect(TEXT, line)
            check(peer.link.is_compressed(), "it is compressed")
            sent.append(peer.link.octets())
        check(sent[1] < 10 < sent[0], f"the second one refers to the first one: {sent}")
        frames = [peer.link.compressed(line), peer.link.compressed(line, BINARY)]
        peer.link.send(b"".join(frames))
        received = sum(len(frame) - 2 for frame in frames)
        peer.cat.wait_printed(line + b"\n" + line)
        peer.cat.type(b"short\n")
        peer.link.expect(TEXT, b"short")
        check(not peer.link.is_compressed(), "it is not worth it")
        peer.cat.process.stdin.close()
        peer.answer_close()
        same(line + b"\n" + line, peer.cat.end(0), "output")
        for told in ("compression: sending with a window of 15 bits, context takeover; receiving with 15 bits, context takeover\n",
                     "sent: text, 94 octets\n", "received: binary, 94 octets\n",
                     f"compressed messages: sent 188 octets as {sum(sent)}, received 188 as {received}\n"):
            check(told in peer.cat.said(), f"{told!r} is in {peer.cat.said()!r}")


@test
def a_server_may_limit_or_decline_compression():
    if not has_deflate():
        return
    line = b"a line that would be compressed, a line that would be compressed"
    peer = Peer("-z", "-v", stdin=PIPE)
    peer.cat.type(line + b"\n")
    peer.link.expect(TEXT, line)
    peer.send(TEXT, line)
    peer.cat.wait_printed(line)
    peer.close()
    peer.cat.end(0)
    check("compression: declined by the server\n" in peer.cat.said(), peer.cat.said())
    check("compressed messages" not in peer.cat.said(), peer.cat.said())

    limits = b"; client_max_window_bits=10; server_max_window_bits=9; client_no_context_takeover"
    peer = Peer("-z", "-v", stdin=PIPE, fields=[AGREED + limits],
                agreement=Agreement(client_bits=10, server_bits=9, client_takeover=False))
    peer.cat.type(line + b"\n" + line + b"\n")
    for _ in range(2):
        peer.link.expect(TEXT, line)
        check(peer.link.is_compressed(), "each is compressed by itself")
    peer.close()
    peer.cat.end(0)
    said = peer.cat.said()
    check("a window of 10 bits, no context takeover; receiving with 9 bits, context takeover\n" in said, said)

    peer = Peer("-z", fields=[AGREED + b"; unknown"])
    peer.link.expect_end()
    peer.cat.end(3)
    check("cannot connect" in peer.cat.said(), peer.cat.said())


@test
def without_the_option_nothing_is_offered():
    peer = Peer("-v")
    check(b"permessage-deflate" not in peer.head, "no offer")
    peer.answer_close()
    peer.cat.end(0)
    check("compress" not in peer.cat.said(), peer.cat.said())


@test
def a_whole_input_is_compressed_as_it_is_read():
    if not has_deflate():
        return
    peer = Peer("--whole", "-z", stdin=PIPE, fields=[AGREED], agreement=Agreement())
    inflater = peer.link.inflater
    inflater.begin()
    for expected, piece in ((0x41, b"first piece, first piece "), (CONTINUATION, b"second piece, second piece")):
        peer.cat.type(piece)
        first, payload = peer.link.receive_frame()
        same(expected, first, "first octet: RSV1 on the first frame only, more follows")
        same(piece, inflater.piece(payload), "what was read came at once")
    peer.cat.process.stdin.close()
    first, payload = peer.link.receive_frame()
    same(0x80, first, "the last frame")
    same(b"", inflater.piece(payload) + inflater.end(), "with nothing new in it")
    peer.answer_close()
    peer.cat.end(0)


@test
def what_was_compressed_comes_back():
    if not has_deflate():
        return
    lines = b"".join(b"%d %s\n" % (i, b"xyz" * (i % 70)) for i in range(20000))
    compare_echo(["-z"], lines, "12_deflate")
    compare_echo(["-z", "-b", "--whole"], lines + os.urandom(MIB) + b"\0" * MIB, "12_deflate")
    compare_echo(["-z", "-b", "--block", "100001"], os.urandom(MIB) + lines, "12_deflate")
    compare_echo(["-z"], lines)


@test
def what_becomes_large_is_never_in_memory_as_a_whole():
    """One message of 64 MiB that is sent as half a MiB."""
    if not has_deflate():
        return
    peer = Peer("-n", "-z", stdout=PIPE, fields=[AGREED], agreement=Agreement())
    block = b"".join(b"%d " % i for i in range(5000)) * 2800
    frames = peer.link.compressed(block, BINARY)
    check(len(frames) < MIB, "little is sent")
    peer.link.send(frames)
    peer.send(PING, b"behind it")
    out = peer.cat.process.stdout
    pieces = []
    total = 0
    while total < len(block):
        pieces.append(out.read(MIB))
        check(pieces[-1], "it goes on")
        total += len(pieces[-1])
    check(b"".join(pieces) == block, "all comes out")
    check((resident(peer.cat.process) or 0) < len(block), "it was never in memory as a whole")
    peer.link.expect(PONG, b"behind it")
    peer.close()
    peer.cat.end(0)


# ---- signals ----


@test
def a_signal_closes_with_1001():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        peer = Peer(stdin=PIPE)
        peer.send(TEXT, b"open")
        peer.cat.wait_printed(b"open\n")
        peer.cat.process.send_signal(number)
        peer.answer_close(1001)
        peer.cat.end(128 + number)
        same("", peer.cat.said(), "standard error")


@test
def a_second_signal_ends_at_once():
    peer = Peer(stdin=PIPE)
    peer.send(TEXT, b"open")
    peer.cat.wait_printed(b"open\n")
    peer.cat.process.send_signal(signal.SIGINT)
    peer.link.expect(CLOSE, b"\x03\xe9")
    peer.cat.process.send_signal(signal.SIGTERM)
    peer.cat.end(128 + signal.SIGTERM)


@test
def a_signal_ends_it_though_nobody_reads_its_output():
    peer = Peer("-n", stdout=PIPE)
    frame = wire.frame(BINARY, b"x" * MIB)
    sent = 0
    while select.select([], [peer.link.sock], [], 0.5)[1]:
        sent += peer.link.sock.send(memoryview(frame)[sent % len(frame) :])
    peer.cat.process.send_signal(signal.SIGTERM)
    peer.link.send(memoryview(frame)[sent % len(frame) :] if sent % len(frame) else b"")
    peer.answer_close(1001)
    peer.cat.end(128 + signal.SIGTERM)


# ---- on a terminal ----


class Screen:
    """wsuv-cat on a pseudo-terminal of its own."""

    def __init__(self, *args, stdin=None):
        ready, go = os.pipe()
        pid, self.master = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.read(ready, 1)
            if stdin is not None:
                os.dup2(stdin, 0)
            os.execv(CAT, [CAT, *args])
        self.pid = pid
        self.seen = b""
        self.taken = 0
        self.resize(40)
        self.before = termios.tcgetattr(self.master)
        os.write(go, b"x")
        os.close(ready)
        os.close(go)

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys)

    def wait(self, what):
        """Waits for this on the screen, behind what was waited for before."""
        deadline = time.monotonic() + wire.PATIENCE
        while what not in self.seen[self.taken :]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise Failure(f"{what!r} is not on the screen: {self.seen[self.taken:]!r}")
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                raise Failure(f"it ended before {what!r}: {self.seen[self.taken:]!r}") from None
        self.taken = self.seen.index(what, self.taken) + len(what)

    def end(self, status):
        """Waits for the end: an exit status, or the negative number of a signal; the terminal is as it was."""
        ended = []

        def has_ended():
            ended[:] = os.waitpid(self.pid, os.WNOHANG)
            return ended[0] != 0

        wait_until(has_ended, "its end")
        same(status, os.waitstatus_to_exitcode(ended[1]), "status")
        same(self.before, termios.tcgetattr(self.master), "the terminal's settings")
        os.close(self.master)


def shown(line, column):
    """The line that is edited, and the cursor's place."""
    return b"\r> " + line + b"\x1b[K\r\x1b[%dC" % (column + 2)


@test
def lines_are_edited_on_a_terminal():
    peer = Peer(start=Screen)
    screen = peer.cat
    screen.wait(shown(b"", 0))
    check(not termios.tcgetattr(screen.master)[3] & termios.ECHO, "the terminal does not echo by itself")
    screen.type(b"hllo \xc3\xa4x\x7f\x01\x1b[Ce")
    screen.wait(shown(b"hello \xc3\xa4", 2))
    screen.type(b"\r")
    peer.link.expect(TEXT, b"hello \xc3\xa4")
    screen.wait(b"\r\n" + shown(b"", 0))

    screen.type(b"draft\x1b[D")
    screen.wait(shown(b"draft", 4))
    peer.send(TEXT, b"red\x1b[31m\nsecond \xc2\x9b")
    screen.wait(b"\r\x1b[K< red\\x1b[31m\r\n  second \\u009b\r\n" + shown(b"draft", 4))
    peer.send(TEXT, b"in ", fin=False)
    screen.wait(b"\r\x1b[K< in ")
    peer.send(CONTINUATION, b"pieces")
    screen.wait(b"pieces\r\n" + shown(b"draft", 4))
    peer.send(BINARY, b"a\0")
    screen.wait(b"< 00000000  61 00 ")
    screen.wait(b"|a.|\r\n  (binary, 2 octets)\r\n" + shown(b"draft", 4))

    screen.type(b"\x1b[A")
    screen.wait(shown(b"hello \xc3\xa4", 7))
    screen.type(b"\x1b[B")
    screen.wait(shown(b"draft", 5))
    screen.type(b"\n\n")
    peer.link.expect(TEXT, b"draft")
    peer.link.expect(TEXT, b"")
    screen.type(b"0123456789" * 5)
    screen.wait(b"0123456789\x1b[K\r\x1b[39C")
    screen.resize(80)
    screen.wait(shown(b"0123456789" * 5, 50))
    screen.type(b"\x15\x04")
    peer.answer_close(1000)
    screen.end(0)


@test
def a_terminal_is_given_back_on_every_way_out():
    for keys, number, code, status in (
        (b"\x03", None, 1001, 130),
        (b"", signal.SIGTERM, 1001, 143),
        (b"", signal.SIGQUIT, None, -signal.SIGQUIT),
    ):
        peer = Peer(start=Screen)
        peer.cat.wait(shown(b"", 0))
        peer.cat.type(keys)
        if number:
            os.kill(peer.cat.pid, number)
        if code:
            peer.answer_close(code)
        peer.cat.end(status)
    for code, status in ((1000, 0), (1011, 1)):
        peer = Peer(start=Screen)
        peer.cat.wait(shown(b"", 0))
        peer.cat.type(b"unfinished")
        peer.cat.wait(shown(b"unfinished", 10))
        peer.close(code)
        if status:
            peer.cat.wait(b"\r\x1b[Kclosed with 1011")
        peer.cat.end(status)
    peer = Peer(start=Screen)
    peer.cat.wait(shown(b"", 0))
    peer.link.close()
    peer.cat.wait(b"\r\x1b[Kconnection lost: ")
    peer.cat.end(4)


@test
def commands_may_be_tried_again_on_a_terminal():
    peer = Peer("--slash", "-v", start=Screen)
    screen = peer.cat
    screen.wait(b"connected to 127.0.0.1")
    screen.wait(shown(b"", 0))
    screen.type(b"/pong\r")
    screen.wait(b"line 1 is no command: ")
    screen.wait(shown(b"", 0))
    screen.type(b"/ping x\r")
    peer.link.expect(PING, b"x")
    screen.wait(b"sent: ping, 1 octets\r\n")
    screen.type(b"/close 3000 enough\r")
    peer.link.expect(CLOSE, b"\x0b\xb8enough")
    peer.send(CLOSE, b"\x0b\xb8")
    peer.link.shut()
    screen.wait(b"closed with 3000\r\n")
    screen.end(1)


@test
def controls_are_shown_though_input_is_no_terminal():
    with open(os.devnull, "rb") as nothing:
        for args, expected in ((["-n"], b"a\\x1b[2J\r\n"), (["-n", "--raw"], b"a\x1b[2J\r\n")):
            peer = Peer(*args, start=Screen, stdin=nothing.fileno())
            peer.send(TEXT, b"a\x1b[2J")
            peer.cat.wait(expected)
            peer.close()
            peer.cat.end(0)


def main():
    chosen = sys.argv[2:]
    if not os.access(CAT, os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} DIRECTORY-OF-THE-BUILT-SAMPLES [TEST...]")
    nfailed = 0
    try:
        for function in TESTS:
            if chosen and function.__name__ not in chosen:
                continue
            began = time.monotonic()
            try:
                function()
                print(f"ok: {function.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except (Failure, OSError, subprocess.SubprocessError) as error:
                nfailed += 1
                print(f"FAILED: {function.__name__}: {error}", flush=True)
    finally:
        Echo.stop()
    return 1 if nfailed else 0


if __name__ == "__main__":
    sys.exit(main())
