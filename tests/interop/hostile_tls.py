"""Hostile peers below TLS against wsuv-testee-server, and a few against wsuv-testee-client: garbage, cut records, silence,
truncation, floods of what costs only us. The server must stay in order, and its memory flat.

covers: T001, T002, T018, T019, T020, T021, T023, W015, W016, W018, W059, D018
"""

import ctypes
import ctypes.util
import functools
import os
import socket
import ssl
import sys

import hostile
import tls
import wire
from hostile import KEY, MIB, check_fresh_client, judge_memory, report
from testee import Client, Listener, Server, connect, connect_raw, find, request, require_tls, transport
from wire import BINARY, TEXT, Failure, Stream

TESTS = []
CROWD = 200


def test(function):
    TESTS.append(function)
    return function


def client_hello():
    """What Python's ssl says first."""
    outbound = ssl.MemoryBIO()
    peer = tls.client_context().wrap_bio(ssl.MemoryBIO(), outbound, server_hostname="localhost")
    try:
        peer.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outbound.read()


def records_of(data):
    """(type, payload) of each whole record, and what is left."""
    records, at = [], 0
    while at + 5 <= len(data):
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if at + 5 + size > len(data):
            break
        records.append((data[at], bytes(data[at + 5 : at + 5 + size])))
        at += 5 + size
    return records, bytes(data[at:])


def drain(sock):
    """Everything that comes until the other side ends, in order or by a reset."""
    sock.settimeout(wire.PATIENCE)
    data = bytearray()
    try:
        while True:
            some = sock.recv(1 << 16)
            if not some:
                return bytes(data)
            data += some
    except ConnectionResetError:
        return bytes(data)
    except TimeoutError:
        raise Failure(f"the server does not end; so far {wire.shown(data)}") from None


def expect_alert_or_end(sock, what):
    """TLS records, or nothing; the one thing in the clear is that what is not TLS is told so."""
    answer = drain(sock)
    if answer.startswith(b"HTTP/1.1 400 "):
        sock.close()
        return
    records, rest = records_of(answer)
    if rest or any(kind not in (20, 21, 22) for kind, _ in records):
        raise Failure(f"{what}: answered {wire.shown(answer)}")
    sock.close()


# ---- in the handshake ----


@test
def garbage_instead_of_a_hello(server, _before):
    garbage = [
        request(server.port), b"\0" * 4096, b"\xff" * 4096, b"\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 100,
        b"\x16\x03\x01\xff\xff" + b"x" * 100000, b"\x16\x03\x01\0\0" * 100, b"\x80\x2e\x01\0\x02" + b"x" * 44,
        b"\x15\x03\x01\0\x02\x02\x28", b"\x17\x03\x03\0\x10" + b"x" * 16, b"\x16\x03\x01\0\x04\1\xff\xff\xff" + b"y" * 1000,
        wire.frame(TEXT, b"hello", KEY), b"GET / HTTP/1.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    for data in garbage:
        sock = connect_raw(server.port)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended already
        expect_alert_or_end(sock, wire.shown(data))


@test
def a_hello_cut_anywhere(server, _before):
    hello = client_hello()
    for cut in range(0, len(hello), 7):
        sock = connect_raw(server.port)
        sock.sendall(hello[:cut])
        sock.shutdown(socket.SHUT_WR)
        expect_alert_or_end(sock, f"{cut} octets of a ClientHello")
    for cut in range(0, len(hello) + 1, 31):
        stream = Stream(connect_raw(server.port))
        stream.send(hello[:cut])
        stream.reset()


@test
def a_hello_with_a_flipped_octet(server, _before):
    """Whatever it makes of it, no harm is done; what still is a ClientHello waits for us, who end."""
    hello = client_hello()
    for at in range(len(hello)):
        sock = connect_raw(server.port)
        try:
            sock.sendall(hello[:at] + bytes([hello[at] ^ 0x41]) + hello[at + 1 :])
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        drain(sock)
        sock.close()


@test
def a_hello_octet_by_octet(server, _before):
    """In records and in TCP segments of one octet."""
    hello = client_hello()
    payload = b"".join(part for _, part in records_of(hello)[0])
    sock = connect_raw(server.port)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(hello)):
        sock.send(hello[at : at + 1])
    if sock.recv(1, socket.MSG_PEEK) != b"\x16":
        raise Failure("no ServerHello")
    sock.close()
    sock = connect_raw(server.port)
    sock.sendall(b"".join(b"\x16\x03\x01\0\1" + payload[at : at + 1] for at in range(len(payload))))
    if sock.recv(1, socket.MSG_PEEK) not in (b"\x16", b"\x15"):  # OpenSSL takes it; an alert is allowed
        raise Failure("no answer")
    sock.close()


@test
def resets_behind_the_request(server, before):
    for data in (b"", request(server.port)[:40], request(server.port), request(server.port) + wire.frame(TEXT, b"x", KEY)):
        for _ in range(20):
            stream = Stream(connect(server.port))
            stream.send(data)
            stream.reset()
    judge_memory(server, before, "resets behind the request")


@test
def a_silent_crowd_does_not_keep_others_out(server, before):
    hello = client_hello()
    socks = [connect_raw(server.port) for _ in range(CROWD)]
    for sock in socks[::2]:
        sock.sendall(hello[:100])
    check_fresh_client(server)
    for sock in socks:
        sock.close()
    judge_memory(server, before, f"{CROWD} silent peers")


# ---- on an open connection ----


@test
def a_flipped_octet_in_a_record(server, _before):
    for flipped in (5, 12, -1):
        link = server.open()
        link.sock.tls.write(link.frame(TEXT, b"never to be seen"))
        record = bytearray(link.sock.outbound.read())
        record[flipped] ^= 1
        link.sock.raw.send(record)
        try:
            link.expect_end()
        except Failure as failure:
            if "alert bad record mac" not in str(failure).lower().replace("_", " "):
                raise Failure(f"expected bad_record_mac, got {failure}") from None
        else:
            raise Failure("an orderly end without an alert")
        finally:
            link.close()


@test
def fin_without_close_notify(server, _before):
    """Of an unfinished message nothing comes back, and neither does of a whole one an answer that it is good."""
    for data in (b"", wire.frame(TEXT, b"half", KEY)[:8], wire.frame(TEXT, b"half", KEY, fin=False)):
        link = server.open()
        link.send(data)
        link.sock.abandon()
        link.fill(1)
        if link.inbox:
            raise Failure(f"answered {wire.shown(link.inbox)}")
        link.close()


@test
def close_notify_inside_a_message(server, _before):
    link = server.open()
    link.send(wire.frame(TEXT, b"half", KEY)[:8])
    link.shut()
    link.expect_end()
    link.close()


@test
def data_behind_close_notify(server, _before):
    """It is not looked at: no echo, and no harm."""
    link = server.open()
    later = link.frame(TEXT, b"behind") * 1000
    link.sock.tls.write(link.frame(TEXT, b"before"))
    link.sock._collect()
    link.sock.notify()
    link.expect(TEXT, b"before")
    try:
        link.sock.raw.send(b"\x17\x03\x03\0\x20" + b"z" * 32 + later)
    except OSError:
        pass  # it may have gone already
    try:
        link.fill(1)
    except Failure as failure:
        if "reset" not in str(failure):
            raise
    if link.inbox:
        raise Failure(f"answered {wire.shown(link.inbox)}")
    link.close()


@test
def records_of_one_octet_without_end(server, before):
    link = server.open()
    frame = link.frame(BINARY, os.urandom(100000))
    for at in range(len(frame)):
        link.sock.tls.write(frame[at : at + 1])
    link.sock._collect()
    link.send(b"")
    if len(link.receive()[1]) != 100000:
        raise Failure("the echo differs")
    judge_memory(server, before, "100,000 records of one octet")
    link.finish()


# ---- what Python's ssl does not offer, by the library that it has loaded ----


@functools.cache
def libssl():
    """OpenSSL's, or None where the place of its objects in Python's is not known."""
    if sys.implementation.name != "cpython" or not (3, 8) <= sys.version_info < (3, 13):
        return None
    name = ctypes.util.find_library("ssl")
    if not name or "OpenSSL 3" not in ssl.OPENSSL_VERSION:
        return None
    library = ctypes.CDLL(name)
    library.SSL_get_version.restype = ctypes.c_char_p
    return library


def ssl_pointer(sock):
    """The SSL of a socket of ours."""
    return ctypes.c_void_p.from_address(id(sock.tls._sslobj) + 3 * ctypes.sizeof(ctypes.c_void_p))


def update_keys(sock, demand):
    library = libssl()
    if library is None:
        return False
    pointer = ssl_pointer(sock)
    if library.SSL_get_version(pointer) != b"TLSv1.3" or not library.SSL_key_update(pointer, int(demand)):
        return False
    sock.tls.do_handshake()
    sock._collect()
    return True


@test
def key_updates_between_all_messages(server, _before):
    link = server.open()
    for i in range(500):
        if not update_keys(link.sock, demand=i % 2 == 0):
            print("  left out: no KeyUpdate with this Python")
            break
        link.echo(TEXT, b"%d" % i)
    link.finish()


@test
def a_flood_of_key_updates_that_ask_for_more(server, before):
    """Each asks for an answer, which nobody reads; the server may end the connection, but not keep them all."""
    link = server.open()
    sent = 0
    link.sock.settimeout(1)
    try:
        while sent < 2 * MIB:
            for _ in range(500):
                if not update_keys(link.sock, demand=True):
                    link.reset()
                    return
            sent += len(link.sock.cipher_text)
            link.sock._try_to_send()
    except (TimeoutError, ConnectionResetError, BrokenPipeError):
        pass
    judge_memory(server, before, f"{sent / MIB:.0f} MiB of KeyUpdates")
    link.reset()


# ---- deadlines, and the client ----


def silent_peers_end_by_their_deadline():
    server = Server("--handshake-timeout-ms", "1500", "--tls-failures")
    hello = client_hello()
    socks = [connect_raw(server.port) for _ in range(3)]
    for sock, data in zip(socks, (b"", hello[:50], hello)):
        sock.sendall(data)
    for sock in socks:
        drain(sock)
        sock.close()
        line = server.process.stdout.readline()
        if not line.startswith("TLS ETIMEDOUT: "):
            raise Failure(f"the server says {line!r}")
    check_fresh_client(server)
    server.stop()


def client_of(play, *flags, url="wss://localhost:%d/", errors=()):
    """A client of a raw listener of ours; `play` gets the socket. The line that the client prints must name an error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(wire.PATIENCE)
        client = Client(url % listener.getsockname()[1], "--tls-ca", tls.cert("ca.pem"), *flags)
        try:
            sock, _ = listener.accept()
            with sock:
                play(sock)
            status, lines = client.wait()
        finally:
            client.kill()
    if status != 1 or not lines or not lines[-1].startswith(tuple(f"ERROR {name}: " for name in errors)):
        raise Failure(f"expected {errors}, the client said {status} {lines}")


def first_of(sock):
    """All that comes first: a ClientHello and nothing in the clear."""
    sock.settimeout(wire.PATIENCE)
    data = b""
    while not records_of(data)[0]:
        some = sock.recv(1 << 16)
        if not some:
            raise Failure(f"the client ended behind {wire.shown(data)}")
        data += some
    records, rest = records_of(data)
    if [kind for kind, _ in records] != [22] or rest or records[0][1][0] != 1:
        raise Failure(f"no ClientHello: {wire.shown(data)}")
    return records[0][1]


def the_client_speaks_tls_first():
    def answer(data, how=socket.SHUT_WR):
        def play(sock):
            hello = first_of(sock)
            if b"localhost" not in hello or b"HTTP/" in hello:
                raise Failure("no server_name, or HTTP in the clear")
            sock.sendall(data)
            sock.shutdown(how)
            if b"GET " in drain(sock):
                raise Failure("a request in the clear")

        return play

    plain = ("ENOTTLS", "ETLS", "EOF", "ETRUNCATED", "EABNORMAL", "ECONNRESET")
    client_of(answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), errors=("ENOTTLS",))
    client_of(answer(b"\x15\x03\x03\0\2\2\x28"), errors=("ETLS",))
    client_of(answer(b"\x15\x03\x03\0\2\2\x46"), errors=("ETLSVERSION",))
    client_of(answer(b"\xff" * 1000), errors=plain)
    client_of(answer(b""), errors=plain)
    client_of(answer(b"\x16\x03\x03\x40\0" + b"x" * 100), errors=plain)


def the_client_sends_no_address_as_a_name():
    def play(sock):
        if b"127.0.0.1" in first_of(sock):
            raise Failure("an address as server_name")

    client_of(play, url="wss://127.0.0.1:%d/", errors=("EOF", "ECONNRESET", "ETRUNCATED", "EABNORMAL", "ETLS"))


def the_client_gives_up_on_silence():
    client_of(lambda sock: (first_of(sock), drain(sock)), "--handshake-timeout-ms", "1000", errors=("ETIMEDOUT",))


def fin_without_close_notify_at_the_client():
    """Inside a message: 1006, and the message is not delivered (RFC 8446 6.1)."""
    for data in (b"", wire.frame(TEXT, b"half")[:4], wire.frame(TEXT, b"half", fin=False)):
        listener = Listener()
        client, stream, head = listener.start()
        listener.close()
        stream.send(hostile.response(head) + data)
        stream.sock.abandon()
        stream.fill(1)
        stream.close()
        status, lines = client.wait()
        if status != 1 or lines[-1] != "CLOSE 1006" or not lines[-2].startswith("ERROR ETRUNCATED: "):
            raise Failure(f"the client said {status} {lines}")


def main():
    find("wsuv-testee-server")
    require_tls()
    transport.tls = True
    options = os.environ.get("ASAN_OPTIONS", "")
    os.environ["ASAN_OPTIONS"] = f"{options}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64".lstrip(":")
    failures = hostile.run_on_one_server(TESTS)
    for function in (
        silent_peers_end_by_their_deadline,
        the_client_speaks_tls_first,
        the_client_sends_no_address_as_a_name,
        the_client_gives_up_on_silence,
        fin_without_close_notify_at_the_client,
    ):
        failures += report(function.__name__, function)
    print(f"hostile TLS: {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
