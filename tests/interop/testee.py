"""The two testee programs as processes, and connections to them."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import tls
import wire
from wire import Failure, Wire

SKIPPED = 77


def kill(process):
    if process.poll() is None:
        process.kill()
        process.wait()


# A test that is interrupted leaves no testee behind.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def find(name):
    """The path of a testee binary; where there is none, the test is skipped."""
    folder = os.environ.get("WSUV_TESTEES")
    path = os.path.join(folder or ".", name)
    if not os.access(path, os.X_OK):
        print(f"skipped: no {name} in {folder or 'the current folder'} (set WSUV_TESTEES)")
        sys.exit(SKIPPED)
    return os.path.abspath(path)


class Transport:
    """What all testees and connections of a script go over; plain TCP unless the script says otherwise."""

    def __init__(self):
        self.tls = False
        self.pipe = False  # unix sockets
        self.version = None  # of TLS: "1.2" or "1.3" and no other
        self.record = tls.RECORD
        self.folder = None  # of the sockets
        self.lock = threading.Lock()
        self.paths = {}  # of the sockets, by the number that stands for a port

    def new_path(self):
        """A unix socket's path, and the number that stands for it."""
        with self.lock:  # cases run on several threads
            if self.folder is None:
                self.folder = tempfile.TemporaryDirectory()
            number = 10000 + len(self.paths)  # none that a URL leaves out
            self.paths[number] = os.path.join(self.folder.name, str(number))
            return number, self.paths[number]

    def name(self):
        """For a line to read."""
        words = [f"TLS {self.version or 1.3}"] if self.tls else []
        return " over ".join(words + ["a unix socket" if self.pipe else "TCP"])


transport = Transport()


def connect_raw(port):
    """A connection without TLS."""
    if port in transport.paths:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(wire.PATIENCE)
        sock.connect(transport.paths[port])
        return sock
    return socket.create_connection(("127.0.0.1", port), timeout=wire.PATIENCE)


def connect(port):
    """A connection as the transport has it, verified for 127.0.0.1."""
    sock = connect_raw(port)
    if not transport.tls:
        return sock
    try:
        return tls.TlsSocket(sock, tls.client_context(transport.version), "127.0.0.1", record=transport.record).handshake()
    except (Failure, OSError):
        sock.close()
        raise


def resident(process):
    """Octets of memory, or None where the system does not tell."""
    try:
        with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def request(port, key=b"dGhlIHNhbXBsZSBub25jZQ==", fields=()):
    """A proper opening handshake."""
    lines = [
        b"GET / HTTP/1.1",
        b"Host: 127.0.0.1:%d" % port,
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + key,
        b"Sec-WebSocket-Version: 13",
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def parse_head(head):
    """Start line and a list of (lower-case name, value)."""
    lines = head[:-4].split(b"\r\n")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Failure(f"malformed field line {line!r}")
        fields.append((name.lower().decode(), value.strip().decode()))
    return lines[0].decode(), fields


def one(fields, name):
    """The value of a field that must be there exactly once."""
    values = [value for field, value in fields if field == name]
    if len(values) != 1:
        raise Failure(f"field {name} is there {len(values)} times")
    return values[0]


class Server:
    """wsuv-testee-server on a port of its own choice, or a unix socket."""

    def __init__(self, *flags):
        self.path = None
        where = ["--port", "0"]
        if transport.pipe:
            self.port, self.path = transport.new_path()
            where = ["--path", self.path]
        if transport.tls:
            where += tls.identity()
        self.process = subprocess.Popen([find("wsuv-testee-server"), *where, *flags], stdout=subprocess.PIPE, text=True)
        atexit.register(kill, self.process)
        line = self.process.stdout.readline()
        self.url = line.split()[-1] if line else ""
        if transport.pipe and self.url == f"unix:{self.path}":
            return
        if not line.startswith(("listening on ws://", "listening on wss://")):
            raise Failure(f"the server did not start: {line!r}")
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def open(self, fields=()):
        """A new upgraded connection."""
        sock = connect(self.port)
        try:
            link = wire.Stream(sock)
            link.send(request(self.port, fields=fields))
            start, answer = parse_head(link.take_head())
            if not start.startswith("HTTP/1.1 101 "):
                raise Failure(f"the server answered {start!r}")
            if one(answer, "sec-websocket-accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=":
                raise Failure("wrong Sec-WebSocket-Accept")
            return Wire(sock, True, link.inbox)
        except Failure:
            sock.close()
            raise

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """SIGTERM, and a good end."""
        self.terminate()
        self.join()

    def join(self, expected=0):
        """The end, with the expected exit status."""
        try:
            status = self.process.wait(wire.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("the server did not end on SIGTERM") from None
        finally:
            self.process.stdout.close()
        if status != expected:
            raise Failure(f"the server's exit status is {status}, expected {expected}")


class Client:
    """wsuv-testee-client pointed at a port of ours; its output goes to a file, so that it never waits for us."""

    def __init__(self, url, *flags):
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [find("wsuv-testee-client"), *flags, url], stdout=self.out, stderr=self.err
        )

    def wait(self):
        """The exit status and the lines printed."""
        try:
            status = self.process.wait(wire.PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("the client did not end") from None
        self.out.seek(0)
        self.err.seek(0)
        lines, complaint = self.out.read().splitlines(), self.err.read()
        self.out.close()
        self.err.close()
        if complaint:
            raise Failure(f"the client complains:\n{complaint}")
        return status, lines

    def kill(self):
        kill(self.process)


class Listener:
    """A listening socket of ours, and a client testee that connects to it."""

    def __init__(self):
        self.where = []
        if transport.pipe:
            self.port, path = transport.new_path()
            self.where = ["--path", path]
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(path)
            self.sock.listen(64)
        else:
            self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.port = self.sock.getsockname()[1]
        if transport.tls:
            self.where += ["--tls-ca", tls.cert("ca.pem")]
        self.sock.settimeout(wire.PATIENCE)

    def client(self, *flags, target="/"):
        """A client that is going to connect."""
        return Client(f"ws{'s' * transport.tls}://127.0.0.1:{self.port}{target}", *self.where, *flags)

    def start(self, *flags, target="/"):
        """Starts a client and accepts its connection: (client, stream, head of the request)."""
        client = self.client(*flags, target=target)
        try:
            sock, _ = self.sock.accept()
            if transport.tls:
                context = tls.server_context(transport.version)
                sock = tls.TlsSocket(sock, context, server_side=True, record=transport.record).handshake()
            stream = wire.Stream(sock)
            return client, stream, stream.take_head()
        except (OSError, Failure) as error:
            client.kill()
            raise Failure(f"no request from the client: {error}") from None

    def close(self):
        self.sock.close()


def require_tls():
    """Ends the script where there is no TLS, in this build or for want of certificates."""
    done = subprocess.run([find("wsuv-testee-client"), "--insecure", "wss:/"], capture_output=True, text=True, timeout=wire.PATIENCE)
    if done.returncode == SKIPPED:
        print("skipped: built without TLS")
        sys.exit(SKIPPED)
    if tls.folder() is None:
        print("skipped: no certificates (set WSUV_TEST_CERTS to tests/certs of the build)")
        sys.exit(SKIPPED)


def response(head, fields=()):
    """The 101 that belongs to a request's head."""
    key = one(parse_head(head)[1], "sec-websocket-key").encode()
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + wire.accept_of(key),
        *fields,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"
