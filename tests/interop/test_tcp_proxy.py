"""The sample 22_tcp_proxy between WebSocket clients and a plain TCP server, both on sockets of ours.

usage: test_tcp_proxy.py PATH-OF-THE-SAMPLE
"""

import os
import re
import select
import socket
import subprocess
import sys
import threading

import wire
from sample_server import FrameClient, SampleServer, program, wait_until
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Failure, frame

# Freed memory is to be freed, so that what the proxy keeps is seen.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1"]))

MIB = 1 << 20
LARGE = 64 * MIB
GROWTH = 24 * MIB  # of the proxy's memory while 64 MiB pass through it in each direction
BLOCK = bytes(range(251)) * 256
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def check(condition, what):
    if not condition:
        raise Failure(what)


def pattern(size):
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


class Target:
    """A plain TCP server; accept() is its next connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(wire.PATIENCE)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        sock = self.listener.accept()[0]
        sock.settimeout(wire.PATIENCE)
        return sock


def start(*flags):
    """A target and a proxy in front of it."""
    target = Target()
    return target, SampleServer("--port", "0", "--target", f"127.0.0.1:{target.port}", *flags)


def opened(*flags):
    """The same with a connection through both: (proxy, client, the target's socket)."""
    target, proxy = start(*flags)
    return proxy, proxy.open(), target.accept()


def peak(proxy):
    """Octets of memory at most so far; None where the system does not tell."""
    try:
        with open(f"/proc/{proxy.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmHWM:\s*(\d+) kB", file.read())[1]) * 1024
    except (OSError, TypeError):
        return None


def receive_all(sock):
    return b"".join(iter(lambda: sock.recv(MIB), b""))


def receive_exactly(sock, size):
    return b"".join(iter_exactly(sock, size))


def iter_exactly(sock, size):
    while size > 0:
        data = sock.recv(min(size, MIB))
        check(data, f"the target's connection ended, {size} octets too early")
        size -= len(data)
        yield data


class Background(threading.Thread):
    """A function on another thread; result() waits for it, and fails as it did."""

    def __init__(self, function, *args):
        super().__init__(daemon=True)
        self.call, self.value, self.error = (function, args), None, None
        self.start()

    def run(self):
        try:
            self.value = self.call[0](*self.call[1])
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def result(self):
        self.join(wire.PATIENCE)
        check(not self.is_alive(), f"{self.call[0].__name__} did not end")
        if self.error is not None:
            raise self.error
        return self.value


def octets_of(client, size=None):
    """What messages bring: `size` octets, or all until Close 1000, which is not answered yet."""
    data = []
    got = 0
    while size is None or got < size:
        _, opcode, payload = client.receive()
        if opcode == CLOSE:
            check(size is None and payload[:2] == b"\x03\xe8", f"Close {payload!r} behind {got} octets")
            break
        check(opcode == BINARY, f"opcode {opcode} came")
        data.append(payload)
        got += len(payload)
    return b"".join(data)


def bid_farewell(client):
    """The answer to the proxy's Close."""
    client.send(CLOSE, b"\x03\xe8")
    client.stream.expect_end()
    client.stream.close()


def fill(sock, data):
    """Writes until nothing more is taken for a while: how much that was."""
    sent = 0
    sock.setblocking(False)
    while sent < len(data) and select.select([], [sock], [], 0.5)[1]:
        sent += sock.send(memoryview(data)[sent : sent + MIB])
    return sent


def messages(data, size=MIB):
    """Frames of a client's."""
    return b"".join(frame(BINARY, data[at : at + size], os.urandom(4)) for at in range(0, len(data), size))


# ---- octets ----


@test
def octets_pass_both_ways():
    proxy, client, plain = opened()
    for size in (1, 125, 126, 65535, 65536, 200000):
        data = pattern(size)
        client.send(BINARY, data)
        check(receive_exactly(plain, size) == data, f"{size} octets did not come")
        plain.sendall(data)
        check(octets_of(client, size) == data, f"{size} octets did not come back")
    client.send(BINARY, b"")
    client.stream.send(b"".join(
        frame(CONTINUATION if i else BINARY, b"%d," % i, os.urandom(4), fin=i == 99) for i in range(100)))
    client.send(PING, b"still there?")
    check(receive_exactly(plain, 290) == b"".join(b"%d," % i for i in range(100)), "fragments are octets like others")
    check(client.receive() == (1, PONG, b"still there?"), "no Pong")
    client.leave()
    check(receive_all(plain) == b"", "the end")
    plain.close()
    proxy.stop()


@test
def both_ways_at_once_in_little_memory():
    proxy, client, plain = opened()
    before = peak(proxy)
    data = pattern(LARGE)
    receiving = Background(receive_exactly, plain, LARGE)
    sending = Background(plain.sendall, data)
    client.stream.send(messages(data))  # it also reads
    check(octets_of(client, LARGE) == data, "what the target sent came changed")
    sending.result()
    check(receiving.result() == data, "what the client sent came changed")
    check(before is None or peak(proxy) - before < GROWTH, f"{peak(proxy)} octets of memory, {before} before")
    client.leave()
    plain.close()
    proxy.stop()


@test
def the_client_waits_for_a_target_that_does_not_read():
    proxy, client, plain = opened()
    before = peak(proxy)
    data = pattern(LARGE)
    framed = messages(data) + frame(CLOSE, b"\x03\xe8", os.urandom(4))
    sent = fill(client.stream.sock, framed)
    check(sent < len(framed), "the client did not have to wait")
    check(before is None or peak(proxy) - before < GROWTH, f"{peak(proxy)} octets of memory, {before} before")
    receiving = Background(receive_all, plain)
    client.stream.send(memoryview(framed)[sent:])
    _, opcode, payload = client.receive()
    check((opcode, payload) == (CLOSE, b"\x03\xe8"), f"opcode {opcode} {payload}")
    client.stream.expect_end()
    client.stream.close()
    check(receiving.result() == data, "all comes, then the end")
    plain.close()
    check(before is None or peak(proxy) - before < GROWTH, f"{peak(proxy)} octets of memory, {before} before")
    proxy.stop()


@test
def the_target_waits_for_a_client_that_does_not_read():
    proxy, client, plain = opened()
    before = peak(proxy)
    data = pattern(LARGE)
    sent = fill(plain, data)
    check(sent < LARGE, "the target did not have to wait")
    check(before is None or peak(proxy) - before < GROWTH, f"{peak(proxy)} octets of memory, {before} before")
    plain.settimeout(wire.PATIENCE)

    def send_the_rest():
        plain.sendall(memoryview(data)[sent:])
        plain.shutdown(socket.SHUT_WR)

    sending = Background(send_the_rest)
    check(octets_of(client) == data, "all comes, then Close 1000")
    sending.result()
    bid_farewell(client)
    check(receive_all(plain) == b"", "the end")
    check(before is None or peak(proxy) - before < GROWTH, f"{peak(proxy)} octets of memory, {before} before")
    plain.close()
    proxy.stop()


@test
def many_at_once():
    target, proxy = start()
    data = pattern(200000)
    pairs = [(proxy.open(), target.accept()) for _ in range(40)]

    def echo(plain):
        plain.sendall(receive_exactly(plain, len(data)))
        plain.shutdown(socket.SHUT_WR)
        return receive_all(plain)

    echoing = [Background(echo, plain) for _, plain in pairs]
    for client, _ in pairs:
        client.stream.send(messages(data, 7000))
    for client, _ in pairs:
        check(octets_of(client) == data, "the echo differs")
        bid_farewell(client)
    check([thread.result() for thread in echoing] == [b""] * 40, "the end")
    proxy.stop()


# ---- ends ----


@test
def the_target_ends_first_and_still_gets_what_the_client_sends():
    proxy, client, plain = opened()
    plain.sendall(b"last words")
    plain.shutdown(socket.SHUT_WR)
    check(octets_of(client) == b"last words", "all comes, then Close 1000")
    client.send(BINARY, b"sent before the Close was seen")
    bid_farewell(client)
    check(receive_all(plain) == b"sent before the Close was seen", "so does the client's, then the end")
    plain.close()
    proxy.stop()


@test
def the_client_ends_first():
    proxy, client, plain = opened()
    client.send(BINARY, b"last words")
    client.leave()
    check(receive_all(plain) == b"last words", "all comes, then the end")
    plain.sendall(pattern(3 * MIB))  # nobody is there to take it, and that is no reset
    plain.close()
    proxy.stop()


@test
def a_target_that_does_not_end_behind_its_client_is_ended():
    proxy, client, plain = opened("--patience-ms", "50")
    client.leave()
    check(receive_all(plain) == b"", "the end")
    wait_until(lambda: is_broken(plain), "the connection to the target is closed")
    proxy.stop()


def is_broken(plain):
    try:
        plain.sendall(b"still here")
        return False
    except OSError:
        return True


@test
def a_client_that_vanishes_is_a_reset_for_the_target():
    proxy, client, plain = opened()
    client.send(BINARY, b"half a")
    check(receive_exactly(plain, 6) == b"half a", "it does not come")
    client.stream.reset()
    try:
        check(False, f"an orderly end, {receive_all(plain)}")
    except ConnectionResetError:
        pass
    proxy.stop()


@test
def a_target_that_breaks_is_told():
    proxy, client, plain = opened()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    plain.close()
    client.expect_close(1014, "connection reset by peer")
    proxy.stop()


@test
def a_target_that_breaks_while_the_client_waits_for_it():
    proxy, client, plain = opened()
    fill(client.stream.sock, messages(pattern(LARGE)))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    plain.close()
    check(client.receive()[1:] == (CLOSE, b"\x03\xf6connection reset by peer"), "no Close 1014")
    client.stream.reset()  # it is inside a message
    proxy.stop()


@test
def text_is_refused():
    proxy, client, plain = opened()
    client.send(BINARY, b"octets")
    client.send(TEXT, b"text")
    client.send(BINARY, b"not behind it")
    client.expect_close(1003, "octets go in binary messages")
    try:
        check(receive_all(plain) == b"octets", "what was behind it came")
        check(False, "an orderly end")
    except ConnectionResetError:
        pass
    proxy.stop()


@test
def a_signal_ends_all():
    proxy, client, plain = opened()
    proxy.process.terminate()
    client.expect_close(1001)
    check(receive_all(plain) == b"", "the end")
    plain.close()
    proxy.join()


# ---- the answer to the request ----


def answer(proxy, **how):
    """(status, fields, body) of a request that is not accepted."""
    stream, status, fields = proxy.ask("/", **how)
    body = stream.take(int(fields["content-length"]))
    stream.expect_end()
    stream.close()
    return status, fields, body


@test
def a_target_that_is_not_there_is_502():
    target, proxy = start()
    target.listener.close()
    for _ in range(2):
        status, _, body = answer(proxy)
        check((status, body) == (502, b"connection refused"), f"{status} {body}")
    proxy.stop()


def block(target):
    """Connections in the target's backlog until no further one fits."""
    socks = []
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", target.port))
        socks.append(sock)
        if not select.select([], [sock], [], 0.5)[1]:
            return socks
        check(len(socks) < 1000, "the backlog has no end")


@test
def a_target_that_does_not_answer_is_504():
    target, proxy = start("--patience-ms", "50")
    target.listener.listen(0)
    socks = block(target)
    status, _, body = answer(proxy)
    check((status, body) == (504, b"timed out"), f"{status} {body}")
    status = proxy.status_of("/", upgrade=False)
    check(status == 426, f"a request without upgrade: {status}")
    for sock in socks:
        sock.close()
    proxy.stop()


@test
def a_client_that_does_not_wait_is_not_waited_for():
    target, proxy = start("--patience-ms", "50")
    target.listener.listen(0)
    socks = block(target)
    for _ in range(5):
        stream = wire.Stream(proxy.connect())
        stream.send(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        stream.reset()
    for sock in socks:
        sock.close()
    proxy.stop()  # with whatever state they were in


@test
def foreign_pages_do_not_reach_the_target():
    target, proxy = start("--origin", "https://pages.example", "--origin", "https://other.example")
    check(proxy.status_of("/", fields=["Origin: https://evil.example"]) == 403, "not refused")
    stream, status, fields = proxy.ask("/", fields=["Origin: https://other.example", "Sec-WebSocket-Protocol: binary, base64"])
    check(status == 101 and fields["sec-websocket-protocol"] == "binary", f"{status} {fields}")
    plain = target.accept()
    FrameClient(stream).leave()
    plain.close()
    target.listener.setblocking(False)
    try:
        target.listener.accept()
        check(False, "the foreign page was connected")
    except BlockingIOError:
        pass
    proxy.stop()


@test
def mistakes_are_told_in_one_line():
    good = ["--port", "0", "--target", "127.0.0.1:1"]
    rows = [([], 2), (good[:-1], 2), (good[:-1] + ["nothing"], 2), (good[:-1] + [":1"], 2), (good + ["stray"], 2),
            (good + ["--patience-ms", "0"], 2), (good + ["--host", "no-such-host.invalid"], 1)]
    for args, status in rows:
        done = subprocess.run([program(), *args], capture_output=True, timeout=wire.PATIENCE, check=False)
        check(done.returncode == status, f"{args}: {done}")
        check(done.stderr.count(b"\n") == 1 and done.stdout == b"", f"{args}: {done}")


def main():
    nfailed = 0
    for function in TESTS:
        try:
            function()
            print(f"ok {function.__name__}", flush=True)
        except (Failure, OSError, subprocess.SubprocessError) as error:
            nfailed += 1
            print(f"FAILED {function.__name__}: {error!r}", flush=True)
    return 1 if nfailed else 0


if __name__ == "__main__":
    sys.exit(main())
