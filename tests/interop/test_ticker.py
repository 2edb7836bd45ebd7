"""The sample 09_ticker, frame by frame.

usage: python3 test_ticker.py PATH-OF-09_ticker

covers: DEM.1, W112, W114, W119
"""

import os
import signal
import tempfile

from sample_server import SampleServer, name_of, run_cases
from wire import CONTINUATION, PING, PONG, TEXT, Failure

CYCLE = [(0, TEXT, b"0"), (0, CONTINUATION, b"1"), (1, CONTINUATION, b"2")]

# What one client's socket and the sample's high water can hold, in ticks, and what others get meanwhile.
HELD_MAX = 1600
MEANWHILE = 3000


def expect_tick(client, turn):
    frame = client.receive()
    if frame != CYCLE[turn % 3]:
        raise Failure(f"fragment {turn} is {name_of(frame)}")


def three_fragments_again_and_again():
    server = SampleServer("--port", "0", "--interval-ms", "1")
    client = server.open()
    for turn in range(60):
        expect_tick(client, turn)
    client.leave()
    server.stop()


def every_client_has_its_own_place():
    server = SampleServer("--port", "0", "--interval-ms", "1")
    first = server.open()
    for turn in range(4):
        expect_tick(first, turn)
    second = server.open()
    for turn in range(4, 10):
        expect_tick(first, turn)
        expect_tick(second, turn - 4)
    first.leave()
    expect_tick(second, 6)
    second.leave()
    server.stop()


def a_ping_is_answered_between_two_fragments():
    """On a slow machine a Ping may take longer than two ticks, so there are some tries. If Pongs waited for the end of
    the message, all would fail."""
    server = SampleServer("--port", "0", "--interval-ms", "50")
    client = server.open()
    turn, between = 0, []
    for _ in range(20):
        while turn % 3 != 1:
            expect_tick(client, turn)
            turn += 1
        client.send(PING, b"between")
        while (frame := client.receive()) != (1, PONG, b"between"):
            if frame != CYCLE[turn % 3]:
                raise Failure(f"fragment {turn}, with a Ping under way, is {name_of(frame)}")
            turn += 1
        between.append(turn % 3 != 0)
        if between.count(True) == 3:
            break
    if between.count(True) < 3:
        raise Failure("no Pong came between the fragments of a message")
    for _ in range(3):
        expect_tick(client, turn)
        turn += 1
    client.leave()
    server.stop()


def who_does_not_read_gets_no_ticks():
    """Over a unix socket, whose buffer is small. The Close comes behind all that was queued: one can count."""
    with tempfile.TemporaryDirectory() as folder:
        server = SampleServer("--path", os.path.join(folder, "socket"), "--interval-ms", "1")
        idle, resumed, busy = (server.open(host="localhost") for _ in range(3))
        for turn in range(MEANWHILE):
            expect_tick(busy, turn)
        for turn in range(HELD_MAX + 30):  # more than was held: the ticks go on
            expect_tick(resumed, turn)
        resumed.leave()
        server.process.send_signal(signal.SIGTERM)
        busy.expect_close(1001)
        held = idle.expect_close(1001)
        server.join()
    if held != [CYCLE[turn % 3] for turn in range(len(held))]:
        raise Failure("a fragment is missing where the ticks stopped")
    if len(held) > HELD_MAX:
        raise Failure(f"{len(held)} ticks were kept for a client that did not read")


def signals_end_the_messages():
    for number in (signal.SIGINT, signal.SIGTERM):
        server = SampleServer("--port", "0", "--interval-ms", "60000")
        early = server.open()  # its first tick has not come
        server.process.send_signal(number)
        early.expect_close(1001, "the server stops")
        server.join()
    server = SampleServer("--port", "0", "--interval-ms", "1")
    client = server.open()
    expect_tick(client, 0)  # inside a message
    server.process.send_signal(signal.SIGTERM)
    client.expect_close(1001)
    server.join()


run_cases(
    three_fragments_again_and_again,
    every_client_has_its_own_place,
    a_ping_is_answered_between_two_fragments,
    who_does_not_read_gets_no_ticks,
    signals_end_the_messages,
)
