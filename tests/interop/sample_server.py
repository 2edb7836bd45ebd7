"""A sample that is a server, as a process, and WebSocket clients of it on plain sockets."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time

import wire
from testee import kill, parse_head
from wire import CLOSE, NAMES, Failure, Stream, shown


def program():
    """The sample's path, the first argument of the test."""
    path = sys.argv[1] if len(sys.argv) > 1 else ""
    if not os.access(path, os.X_OK):
        print(f"skipped: no sample server at '{path}' (the first argument)")
        sys.exit(77)
    return os.path.abspath(path)


def wait_until(condition, what):
    """Polls until the condition holds."""
    deadline = time.monotonic() + wire.PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"waited in vain until {what}")
        time.sleep(0.02)


class SampleServer:
    """It ends with the test; `lines` is what it printed up to the one that says where it listens."""

    def __init__(self, *flags):
        self.process = subprocess.Popen([program(), *flags], stdout=subprocess.PIPE, text=True)
        atexit.register(kill, self.process)
        self.lines = []
        while not self.lines or not self.lines[-1].startswith("listening on "):
            line = self.process.stdout.readline()
            if not line:
                raise Failure(f"the server did not start; it said {self.lines}")
            self.lines.append(line.rstrip("\n"))
        address = self.lines[-1].split()[-1]
        self.path = address[len("unix:") :] if address.startswith("unix:") else None
        self.port = 0 if self.path else int(address.rstrip("/").rpartition(":")[2])

    def connect(self):
        if self.path is None:
            return socket.create_connection(("127.0.0.1", self.port), timeout=wire.PATIENCE)
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(wire.PATIENCE)
        sock.connect(self.path)
        return sock

    def ask(self, target, fields=(), host=None, upgrade=True):
        """Sends a request: (stream, status, fields of the answer)."""
        host = host or f"127.0.0.1:{self.port}"
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *fields]
        if upgrade:
            lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
            lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        stream = Stream(self.connect())
        stream.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        start, answer = parse_head(stream.take_head())
        return stream, int(start.split()[1]), dict(answer)

    def status_of(self, target, **how):
        """The status that a request is answered with."""
        stream, status, _ = self.ask(target, **how)
        stream.close()
        return status

    def open(self, target="/", **how):
        """A WebSocket connection."""
        stream, status, _ = self.ask(target, **how)
        if status != 101:
            raise Failure(f"the upgrade to {target} was answered {status}")
        return FrameClient(stream)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.join()

    def join(self):
        try:
            status = self.process.wait(wire.PATIENCE)
        except subprocess.TimeoutExpired:
            kill(self.process)
            raise Failure("the server did not end by the signal") from None
        if status != 0:
            raise Failure(f"the server's exit status is {status}")
        self.process.stdout.close()


class FrameClient:
    """A client that sees every frame by itself."""

    def __init__(self, stream):
        self.stream = stream

    def send(self, opcode, payload=b""):
        self.stream.send(wire.frame(opcode, payload, os.urandom(4)))

    def receive(self):
        """The next frame: (FIN, opcode, payload)."""
        first, size = self.stream.take(2)
        if first & 0x70 or size & 0x80:
            raise Failure(f"a frame with reserved bits or a mask: {first:#x} {size:#x}")
        if size > 125:
            size = int.from_bytes(self.stream.take(2 if size == 126 else 8), "big")
        return first >> 7, first & 15, self.stream.take(size)

    def expect_close(self, code, reason=None):
        """Close with the code, answered; then the end. Frames before it are returned."""
        before = []
        while (frame := self.receive())[1] != CLOSE:
            before.append(frame)
        got, text = int.from_bytes(frame[2][:2], "big"), frame[2][2:].decode()
        if got != code or (reason is not None and text != reason):
            raise Failure(f"expected Close {code} {reason!r}, got {got} {text!r}")
        self.send(CLOSE, frame[2][:2])
        self.stream.expect_end()
        self.stream.close()
        return before

    def leave(self):
        """A closing handshake from our side; what comes before the answer is returned."""
        self.send(CLOSE, b"\x03\xe8")
        before = []
        while (frame := self.receive())[1] != CLOSE:
            before.append(frame)
        self.stream.expect_end()
        self.stream.close()
        return before


def name_of(frame):
    return f"{NAMES.get(frame[1], frame[1])} FIN={frame[0]} {shown(frame[2])}"


def run_cases(*cases):
    """Runs the functions; one line each, exit status 0 or 1."""
    failures = 0
    for case in cases:
        started = time.monotonic()
        try:
            case()
        except (Failure, OSError) as error:
            failures += 1
            print(f"FAILED {case.__name__}: {error}", flush=True)
        else:
            print(f"ok {case.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(cases)} cases, {failures} failed")
    sys.exit(1 if failures else 0)
