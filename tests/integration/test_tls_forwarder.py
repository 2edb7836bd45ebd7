"""17_tls_forwarder between Python's ssl as client and a plain TCP server.

usage: test_tls_forwarder.py DIRECTORY-OF-THE-BUILT-SAMPLES DIRECTORY-OF-THE-CERTIFICATES

One line a test; exit status 0, or 1 if one failed. Nothing waits for a fixed time.
"""

import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading

PATIENCE = 60
MIB = 1 << 20
BIN, CERTS = sys.argv[1:3]
PROGRAM = os.path.join(BIN, "17_tls_forwarder")
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def cert(name):
    return os.path.join(CERTS, name)


def pattern(size):
    return bytes(range(251)) * (size // 251 + 1)


class Target:
    """A plain TCP server; accept() is its next connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        sock = self.listener.accept()[0]
        sock.settimeout(PATIENCE)
        return sock


class Forwarder:
    def __init__(self, port):
        self.process = subprocess.Popen(
            [PROGRAM, "--cert", cert("server.pem"), "--key", cert("server.key"), "--port", "0", "--to", f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on tls://127.0.0.1:"), line
        self.port = int(line.rstrip("/\n").rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def end(self):
        """A signal ends it, whatever is open. What it said on standard error."""
        self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=PATIENCE)[1].decode()
        assert self.process.returncode == 0, (self.process.returncode, said)
        return said

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)


class Client:
    """TLS between memory BIOs: Python's SSLSocket has no half-close."""

    def __init__(self, sock):
        context = ssl.create_default_context(cafile=cert("ca.pem"))
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.take(self.tls.do_handshake)

    def flush(self):
        self.sock.sendall(self.outgoing.read())

    def take(self, operation, *args):
        while True:
            try:
                result = operation(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
            data = self.sock.recv(65536)
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def send(self, data):
        for at in range(0, len(data), 65536):
            self.tls.write(data[at : at + 65536])
            self.flush()

    def shut(self):
        """close_notify; what comes is still read."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def read(self, size=MIB):
        """b"" is the peer's close_notify; an end without one is an error."""
        try:
            return self.take(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            return b""

    def read_all(self):
        return b"".join(iter(self.read, b""))


def receive_all(sock):
    return b"".join(iter(lambda: sock.recv(MIB), b""))


def in_background(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


@test
def the_client_ends_first_and_is_still_answered():
    data = pattern(3 * MIB)
    target = Target()
    with Forwarder(target.port) as forwarder:
        client = Client(forwarder.connect())
        plain = target.accept()
        sending = in_background(lambda: (client.send(data), client.shut()))
        assert receive_all(plain) == data, "all comes, then the end"
        sending.join(PATIENCE)
        in_background(lambda: (plain.sendall(data), plain.shutdown(socket.SHUT_WR)))
        assert client.read_all() == data, "so does the answer"
        assert forwarder.end() == ""


@test
def the_target_ends_first_and_is_still_told():
    data = pattern(3 * MIB)
    target = Target()
    with Forwarder(target.port) as forwarder:
        client = Client(forwarder.connect())
        plain = target.accept()
        in_background(lambda: (plain.sendall(data), plain.shutdown(socket.SHUT_WR)))
        assert client.read_all() == data, "all comes, then close_notify"
        in_background(lambda: (client.send(data), client.shut()))
        assert receive_all(plain) == data, "so does the answer"
        assert forwarder.end() == ""


def fill(sock, block):
    """Writes until nothing more is taken: how much that was."""
    sent = 0
    sock.setblocking(False)
    while select.select([], [sock], [], 0.5)[1]:
        sent += sock.send(memoryview(block)[sent % len(block) :])
        assert sent < 64 * MIB, "who does not read is not waited for"
    sock.settimeout(PATIENCE)
    return sent


@test
def who_does_not_read_is_waited_for():
    target = Target()
    with Forwarder(target.port) as forwarder:
        client = Client(forwarder.connect())
        plain = target.accept()
        block = pattern(MIB)[: 251 * 4096]
        sent = fill(plain, block)
        in_background(lambda: plain.shutdown(socket.SHUT_WR))
        received = client.read_all()
        assert len(received) == sent and received == (block * (sent // len(block) + 1))[:sent], "nothing is lost"

        for _ in range(32):
            client.tls.write(block)
        wire = client.outgoing.read()
        sent = fill(client.sock, wire + bytes(64 * MIB))
        assert sent < len(wire), "the client had to wait"
        in_background(lambda: (client.sock.sendall(wire[sent:]), client.shut()))
        assert receive_all(plain) == block * 32, "nothing is lost this way, either"
        assert forwarder.end() == ""


@test
def many_at_once():
    data = pattern(200000)
    target = Target()
    with Forwarder(target.port) as forwarder:
        pairs = [(Client(forwarder.connect()), target.accept()) for _ in range(20)]
        for client, _ in pairs:
            in_background(lambda c=client: (c.send(data), c.shut()))
        for _, plain in pairs:
            in_background(lambda p=plain: (p.sendall(receive_all(p)), p.shutdown(socket.SHUT_WR)))
        for client, _ in pairs:
            assert client.read_all() == data
        assert forwarder.end() == ""


@test
def a_target_that_is_not_there_ends_the_client():
    target = Target()
    target.listener.close()
    with Forwarder(target.port) as forwarder:
        for _ in range(2):
            assert Client(forwarder.connect()).read_all() == b""
        assert forwarder.end().count("target: ") == 2


@test
def who_speaks_no_tls_never_reaches_the_target():
    target = Target()
    with Forwarder(target.port) as forwarder:
        sock = forwarder.connect()
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        receive_all(sock)
        client = Client(forwarder.connect())
        plain = target.accept()
        client.send(b"first")
        assert plain.recv(100) == b"first"
        assert "plain HTTP" in forwarder.end()


@test
def an_end_without_close_notify_is_told():
    target = Target()
    with Forwarder(target.port) as forwarder:
        client = Client(forwarder.connect())
        plain = target.accept()
        client.send(b"some of it")
        client.sock.shutdown(socket.SHUT_WR)
        assert receive_all(plain) == b"some of it"
        assert "client: " in forwarder.end()


@test
def mistakes_are_told_in_one_line():
    good = ["--cert", cert("server.pem"), "--key", cert("server.key"), "--port", "0", "--to", "127.0.0.1:1"]
    rows = [(["--to", "127.0.0.1:1"], 2), (good[:-2], 2), (good[:-1] + ["nothing"], 2), (good[:-1] + [":1"], 2),
            (good + ["stray"], 2), (good + ["--cert", "/no/such.pem"], 1), (good + ["--key", cert("alice.key")], 1),
            (good + ["--host", "no-such-host.invalid"], 1)]
    for args, status in rows:
        done = subprocess.run([PROGRAM, *args], capture_output=True, timeout=PATIENCE)
        assert done.returncode == status, (args, done)
        assert done.stderr.count(b"\n") == 1 and done.stdout == b"", (args, done)


def main():
    nfailed = 0
    for function in TESTS:
        try:
            function()
            print(f"ok: {function.__name__}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            nfailed += 1
            print(f"FAILED: {function.__name__}: {error!r}", flush=True)
    return 1 if nfailed else 0


if __name__ == "__main__":
    sys.exit(main())
