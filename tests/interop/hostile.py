"""Hostile peers against wsuv-testee-server: floods, silence, resets. Its memory must stay flat and it must stay in order.
With --tls over TLS, with smaller crowds, since a connection has more, and less of everything.

256 MiB of hostile input in all, 1000 connections at a time; with compression 100 GiB of what it stands for. Memory is
judged where /proc tells it.

covers: D018
"""

import os
import re
import resource
import sys
import time

import wire
from cases_deflate import ROWS, cut_evenly, is_built_with_compression, open_to_server, zeros
from testee import Listener, Server, connect, find, request, require_tls, resident, response, transport
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, Failure, Stream

MIB = 1 << 20
GROWTH = 8 * MIB
PART = 4 if "--tls" in sys.argv else 1  # of the load
CROWD = 200 if "--tls" in sys.argv else 1000
FLAGS = ("--max-message", str(MIB), "--close-timeout-ms", "1000")
FLOODABLE = ("--max-fragments", "off", "--max-control-rate", "off")  # what floods cost where nothing ends them
KEY = b"\x5a\xa5\x0f\xf0"

TESTS = []
DEFLATE_TESTS = []


def test(function):
    TESTS.append(function)
    return function


def deflate_test(function):
    DEFLATE_TESTS.append(function)
    return function


def push(sock, block, total, patience=1.0):
    """Sends a block again and again and never reads; ends when the peer stops taking it. Octets sent."""
    sock.settimeout(patience)
    sent = 0
    while sent < total:
        try:
            sent += sock.send(memoryview(block)[sent % len(block) :])
        except TimeoutError:
            return sent
        except (ConnectionResetError, BrokenPipeError):
            raise Failure(f"the server gave up after {sent} octets") from None
    return sent


def whole_frames(frame, size=256 * 1024):
    """About `size` octets of whole frames."""
    return frame * max(1, size // len(frame))


def is_sanitized(testee):
    """Sanitizers map terabytes and keep memory of their own, several times what is used; growth without end is still seen."""
    with open(f"/proc/{testee.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE") > 1 << 40


def judge_memory(testee, before, what):
    now = resident(testee.process)
    if before is not None and now - before > (6 if is_sanitized(testee) else 1) * GROWTH:
        raise Failure(f"{what}: memory grew by {(now - before) / MIB:.1f} MiB")


def send_all(sock, block, total):
    """As push, but frames stay whole."""
    sock.settimeout(wire.PATIENCE)
    for _ in range(total // len(block) + 1):
        sock.sendall(block)


def check_fresh_client(server):
    """A new connection is taken and served; all that came before it has been seen by then."""
    link = server.open()
    link.echo(TEXT, b"alive")
    link.finish()


@test
def pings_whose_pongs_are_not_read(server, before):
    link = server.open()
    sent = push(link.sock, whole_frames(wire.frame(PING, b"p" * 125, KEY)), 96 * MIB)
    judge_memory(server, before, f"after {sent / MIB:.0f} MiB of pings")
    link.reset()


@test
def empty_fragments_without_end(server, before):
    link = server.open()
    link.send(link.frame(TEXT, b"", fin=False))
    send_all(link.sock, whole_frames(wire.frame(CONTINUATION, b"", KEY, fin=False)), 64 * MIB // PART)
    judge_memory(server, before, "after empty fragments")
    link.sock.setblocking(False)
    link.send(link.frame(CONTINUATION, b"the end") + link.frame(PING, b"?"))
    link.expect(TEXT, b"the end")
    link.expect(PONG, b"?")
    link.finish()


@test
def fragments_of_one_octet(server, before):
    for _ in range(4):
        link = server.open()
        link.send(link.frame(BINARY, b"x", fin=False))
        try:
            send_all(link.sock, whole_frames(wire.frame(CONTINUATION, b"x", KEY, fin=False)), 8 * MIB)
        except OSError as error:
            raise Failure(f"the server does not read on after a failure: {error}") from None
        link.sock.setblocking(False)
        link.expect_failed(1009)
        judge_memory(server, before, "after a message in fragments of one octet")


@test
def input_behind_a_failure(server, before):
    """Read and dropped until the closing deadline, so that our Close is not lost to a reset."""
    link = server.open()
    link.send(link.frame(3, b"bad"))
    sent = push(link.sock, b"\xff" * 65536, 32 * MIB)
    judge_memory(server, before, f"after {sent / MIB:.0f} MiB behind a failure")
    link.sock.setblocking(False)
    link.expect_failed(1002)


@test
def a_crowd_that_announces_and_does_not_send(server, before):
    links = []
    for _ in range(CROWD):
        link = server.open()
        link.send(link.frame(BINARY, announce=MIB) + b"only so much")
        links.append(link)
    check_fresh_client(server)
    judge_memory(server, before, f"{CROWD} connections that announce 1 MiB")
    for link in links:
        link.reset()


@test
def a_crowd_with_half_heads(server, before):
    socks = [connect(server.port) for _ in range(CROWD)]
    for sock in socks:
        sock.sendall(request(server.port)[:-2] + b"X-Half: " + b"h" * 500)
    check_fresh_client(server)
    judge_memory(server, before, f"{CROWD} half heads")
    for sock in socks:
        sock.close()


@test
def a_peer_that_asks_and_never_reads(server, before):
    link = server.open()
    sent = push(link.sock, whole_frames(wire.frame(BINARY, b"e" * 1000, KEY)), 64 * MIB)
    if sent >= 64 * MIB:
        raise Failure("the server reads on though nobody takes its echoes")
    judge_memory(server, before, f"a peer that never reads, after {sent / MIB:.0f} MiB")
    check_fresh_client(server)
    link.reset()


@test
def a_peer_that_reads_late_gets_everything(server, before):
    link = server.open()
    block = wire.frame(BINARY, b"l" * 1000, KEY)
    sent = push(link.sock, block, 64 * MIB)
    link.sock.setblocking(False)
    rest = -sent % len(block)
    link.send(block[len(block) - rest :])
    for _ in range((sent + rest) // len(block)):
        link.expect(BINARY, b"l" * 1000)
    link.finish()
    judge_memory(server, before, "a peer that reads late")


@test
def resets_in_every_state(server, before):
    head = request(server.port)
    close = wire.frame(CLOSE, b"\x03\xe8", KEY)
    bad = wire.frame(3, b"bad", KEY)
    big = wire.frame(BINARY, b"r" * (MIB // 2), KEY)
    openings = [b"", head[:20], head[:-1], head[:-2] + b"Bad Field\r\n\r\n", head]
    frames = [wire.frame(TEXT, b"half", KEY)[:8], wire.frame(TEXT, b"x", KEY, fin=False), big, big[:70000], close, bad]
    for _ in range(20 // PART):
        for data in [*openings, *(head + frame for frame in frames), head + big + close, head + close + bad]:
            stream = Stream(connect(server.port))
            stream.send(data)
            stream.reset()
        for data in frames:
            link = server.open()
            link.send(data)
            link.reset()
        link = server.open()
        link.send(link.frame(CLOSE, b"\x03\xe8"))
        link.receive()
        link.reset()
    check_fresh_client(server)
    judge_memory(server, before, "resets in every state")


# With compression


def open_compressed(server):
    return open_to_server(Stream(connect(server.port)), "")


@deflate_test
def bombs_of_a_gibibyte(server, before):
    for count in (1, 64, 1000):
        for _ in range(32 // PART):
            link = open_compressed(server)
            link.send(link.ready(zeros(1024 * MIB), BINARY, cut_evenly(zeros(1024 * MIB), count)))
            link.expect_failed(1009)
        judge_memory(server, before, f"after bombs of 1 GiB in {count} frames")


@deflate_test
def bombs_that_are_allowed(server, before):
    link = open_compressed(server)
    for _ in range(256 // PART):
        link.send(link.ready(zeros(MIB), BINARY))
        link.expect(BINARY, bytes(MIB))
    link.finish()
    judge_memory(server, before, "after messages of 1 MiB of zeros")


@deflate_test
def blocks_of_nothing_without_end(server, before):
    for name, block in ROWS.items():
        link = open_compressed(server)
        link.send(link.frame(TEXT, fin=False, rsv=RSV1))
        frame = wire.frame(CONTINUATION, block * 1000, KEY, fin=False)
        sent = push(link.sock, whole_frames(frame), 16 * MIB)
        link.sock.setblocking(False)
        link.expect_failed(1009)
        judge_memory(server, before, f"after {sent / MIB:.0f} MiB of {name}")


@deflate_test
def empty_compressed_fragments_without_end(server, before):
    link = open_compressed(server)
    link.send(link.frame(TEXT, fin=False, rsv=RSV1))
    send_all(link.sock, whole_frames(wire.frame(CONTINUATION, b"", KEY, fin=False)), 32 * MIB // PART)
    link.sock.setblocking(False)
    link.send(link.frame(CONTINUATION, link.deflater.message(b"the end")))
    link.expect(TEXT, b"the end")
    link.finish()
    judge_memory(server, before, "after empty fragments of a compressed message")


@deflate_test
def a_crowd_that_idles_behind_a_message(server, before):
    """Without context takeover nothing of it is kept."""
    links = []
    for _ in range(CROWD):
        link = open_compressed(server)
        link.exchange(TEXT, b"once " * 1000)
        links.append(link)
    judge_memory(server, before, f"{CROWD} idle connections that had a compressed message")
    for link in links:
        link.reset()


@deflate_test
def crowds_that_leave_inside_a_compressed_message(server, _before):
    """Each has a context while it is there; when they are gone, so is what they had."""
    first = None
    for _ in range(4):
        links = [open_compressed(server) for _ in range(CROWD // 4)]
        for link in links:
            data = link.deflater.message(os.urandom(2000))
            link.send(link.frame(BINARY, data, fin=False, rsv=RSV1) + link.frame(PING, b"?"))
            link.expect(PONG, b"?")
        for link in links:
            link.reset()
        check_fresh_client(server)
        if first is None:
            first = resident(server.process)
        judge_memory(server, first, "after another crowd left")


def warm_up(server):
    """What the server keeps for good, such as its buffers, is there before memory is compared."""
    links = [server.open() for _ in range(8)]
    for link in links:
        link.send(b"".join(link.frame(BINARY, b"w" * MIB) for _ in range(4)))
        for _ in range(4):
            link.expect(BINARY, b"w" * MIB)
    for link in links:
        link.finish()


def warm_up_compressed(server):
    warm_up(server)
    link = open_compressed(server)
    for _ in range(8):
        link.exchange(BINARY, os.urandom(100) * 10000)
    link.finish()


def run_on_one_server(tests, flags=(), prepare=warm_up):
    server = Server(*FLAGS, *FLOODABLE, "--ping-interval-ms", "off", *flags)  # the witness may be silent for long
    prepare(server)
    before = resident(server.process)
    witness = server.open()
    failures = 0
    for function in tests:
        failures += report(function.__name__, lambda f=function: f(server, before))
        failures += report("  a connection opened before goes on", lambda: witness.echo(TEXT, b"witness"), quiet=True)
    now = resident(server.process)
    if before is not None:
        print(f"memory: {before / MIB:.1f} MiB before, {now / MIB:.1f} MiB after")
    failures += report("a fresh client, then SIGTERM", lambda: (check_fresh_client(server), witness.finish(), server.stop()))
    return failures


def a_server_that_asks_and_never_reads():
    """The client testee feels backpressure too."""
    listener = Listener()
    client, stream, head = listener.start()
    listener.close()
    stream.send(response(head))
    link = wire.Wire(stream.sock, False)
    for _ in range(4):
        link.echo(BINARY, b"w" * MIB)
    before = resident(client.process)
    sent = push(link.sock, whole_frames(wire.frame(BINARY, b"e" * 1000)), 64 * MIB)
    if sent >= 64 * MIB:
        raise Failure("the client reads on though nobody takes its echoes")
    judge_memory(client, before, f"a client whose server never reads, after {sent / MIB:.0f} MiB")
    link.reset()
    status, lines = client.wait()
    if status != 1 or lines[-1] != "CLOSE 1006":
        raise Failure(f"the client ended with {status} and {lines[-1]}")


def floods_end_by_default():
    """No flag says so: what is without end is ended with 1008, and the connection beside it goes on."""
    server = Server(*FLAGS, "--ping-interval-ms", "off")
    warm_up(server)
    before = resident(server.process)
    witness = server.open()
    floods = {
        "empty fragments": (wire.frame(TEXT, b"", KEY, fin=False), wire.frame(CONTINUATION, b"", KEY, fin=False)),
        "fragments of one octet": (wire.frame(BINARY, b"x", KEY, fin=False), wire.frame(CONTINUATION, b"x", KEY, fin=False)),
        "pongs": (b"", wire.frame(PONG, b"", KEY)),
    }
    for name, (first, frame) in floods.items():
        link = server.open()
        link.send(first)
        sent = push(link.sock, whole_frames(frame), 16 * MIB // PART)
        link.sock.setblocking(False)
        link.expect_failed(1008)
        judge_memory(server, before, f"after {sent / MIB:.0f} MiB of {name}")
        witness.echo(TEXT, b"witness")
    for payload in (b"", b"p" * 125):  # nobody reads the Pongs, with which our Close waits
        link = server.open()
        sent = push(link.sock, whole_frames(wire.frame(PING, payload, KEY)), 16 * MIB // PART)
        judge_memory(server, before, f"after {sent / MIB:.0f} MiB of pings")
        link.sock.setblocking(False)
        while True:
            opcode, payload = link.receive()
            if opcode != PONG:
                break
        if (opcode, payload[:2]) != (CLOSE, (1008).to_bytes(2, "big")):
            raise Failure(f"a flood of pings ended with {wire.NAMES[opcode]} {payload!r}")
        link.expect_end()
        link.close()
        witness.echo(TEXT, b"witness")
    witness.finish()
    server.stop()


def a_peer_that_asks_for_much_with_little():
    """A kibibyte asks for a mebibyte, which is echoed as it is and not read."""
    server = Server(*FLAGS, "--deflate", "shared", "--deflate-threshold", str(MIB + 1))
    warm_up_compressed(server)
    before = resident(server.process)
    link = open_compressed(server)
    frames = whole_frames(wire.frame(BINARY, zeros(MIB), KEY, rsv=RSV1))
    sent = push(link.sock, frames, 64 * MIB)
    if sent >= 64 * MIB:
        raise Failure("the server reads on though nobody takes its echoes")
    judge_memory(server, before, f"a peer that never reads, after {sent / MIB:.0f} MiB that stand for a thousand times as much")
    check_fresh_client(server)
    link.reset()
    server.stop()


def a_failure_is_told_with_its_last_frames():
    server = Server("--trace", "5")
    link = server.open()
    link.send(link.frame(TEXT, b"forgotten"))
    link.expect(TEXT, b"forgotten")
    link.send(link.frame(TEXT, b"half", fin=False) + link.frame(PING, b"?"))
    link.expect(PONG, b"?")
    link.send(link.frame(BINARY, b"not the rest"))
    link.expect_failed(1002)
    lines = [server.process.stdout.readline() for _ in range(6)]
    if not re.fullmatch(r"FAILURE 127\.0\.0\.1:\d+: EINTERLEAVED: .+\n", lines[0]):
        raise Failure(f"the failure is told as {lines[0]!r}")
    told = [re.sub(r"^ *\+\d+\.\d{3} s +", "", line) for line in lines[1:]]
    expected = [
        "<- text masked 4 octets",
        "<- ping fin masked 1 octet",
        "-> pong fin 1 octet",
        "<- binary fin masked 12 octets",
        "-> close fin",
    ]
    if [line[: len(wanted)] for line, wanted in zip(told, expected)] != expected:
        raise Failure(f"the last frames are told as {told}")
    server.stop()


def half_open_handshakes_end_by_their_deadline():
    server = Server("--handshake-timeout-ms", "1500")
    started = time.monotonic()
    streams = [Stream(connect(server.port)) for _ in range(CROWD)]
    for stream in streams[::2]:
        stream.send(request(server.port)[:-2])
    for stream in streams:
        stream.fill(1 << 16)
        stream.close()
    if time.monotonic() - started < 1.4:
        raise Failure("they ended before their deadline")
    check_fresh_client(server)
    server.stop()


def sigterm_says_going_away():
    server = Server()
    links = [server.open() for _ in range(3)]
    half = Stream(connect(server.port))
    half.send(request(server.port)[:30])
    links[0].send(links[0].frame(TEXT, b"unfinished", fin=False))
    links[1].echo(TEXT, b"x" * 70000)
    server.terminate()
    for link in links:
        link.expect_close_request(1001)
    server.join()
    half.close()


def sigterm_does_not_wait_for_ever():
    server = Server("--close-timeout-ms", "300")
    link = server.open()
    server.terminate()
    link._receive_close([1001])
    server.join()


def second_sigterm_ends_at_once():
    server = Server("--close-timeout-ms", "off")
    link = server.open()
    server.terminate()
    link._receive_close([1001])
    server.terminate()
    server.join(expected=1)


def report(name, function, quiet=False):
    started = time.monotonic()
    try:
        function()
    except (Failure, OSError) as error:
        print(f"FAILED {name}: {error}", flush=True)
        return 1
    if not quiet:
        print(f"ok {name} ({time.monotonic() - started:.1f} s)", flush=True)
    return 0


def main():
    find("wsuv-testee-server")
    transport.tls = "--tls" in sys.argv
    if transport.tls:
        require_tls()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    # AddressSanitizer keeps freed memory back; that is not the growth we look for.
    options = os.environ.get("ASAN_OPTIONS", "")
    os.environ["ASAN_OPTIONS"] = f"{options}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64".lstrip(":")
    failures = run_on_one_server(TESTS)
    if is_built_with_compression():
        failures += run_on_one_server(DEFLATE_TESTS, ("--deflate", "shared"), warm_up_compressed)
        failures += report("a_peer_that_asks_for_much_with_little", a_peer_that_asks_for_much_with_little)
    for function in (
        floods_end_by_default,
        a_server_that_asks_and_never_reads,
        a_failure_is_told_with_its_last_frames,
        half_open_handshakes_end_by_their_deadline,
        sigterm_says_going_away,
        sigterm_does_not_wait_for_ever,
        second_sigterm_ends_at_once,
    ):
        failures += report(function.__name__, function)
    print(f"hostile peers over {transport.name()}: {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
