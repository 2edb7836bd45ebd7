"""WebSocket on the wire, by hand: a strict peer for either role on a plain socket.

It builds any frame, right or wrong, judges every frame that comes back, and tells an orderly end of the transport from a
reset. Only the standard library is used.
"""

import base64
import dataclasses
import hashlib
import os
import select
import socket
import time
import zlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

# Seconds that anything may take; a slow machine or valgrind needs more.
PATIENCE = float(os.environ.get("WSUV_TEST_PATIENCE", "15"))


class Failure(Exception):
    """The other side did something wrong; the text says what."""


def shown(data):
    """Bytes for a message to read, cut to a bearable length."""
    data = bytes(data)
    return repr(data) if len(data) <= 60 else f"{data[:60]!r}... ({len(data)} octets)"


def masked(payload, key):
    """RFC 6455 5.3, as one exclusive or of two long numbers."""
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(stream, "little")
    return number.to_bytes(size, "little")


def length_field(size, form=None):
    """The seven bits and what follows them; `form` 7, 16 or 64 instead of the shortest."""
    if form is None:
        form = 7 if size < 126 else 16 if size < 65536 else 64
    if form == 7:
        return size, b""
    return (126, size.to_bytes(2, "big")) if form == 16 else (127, size.to_bytes(8, "big"))


def frame(opcode, payload=b"", mask=None, fin=True, rsv=0, form=None, announce=None):
    """One frame. `announce` is the length that its header tells, if not the true one."""
    seven, more = length_field(len(payload) if announce is None else announce, form)
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if mask is None:
        return bytes([first, seven]) + more + payload
    return bytes([first, 0x80 | seven]) + more + mask + masked(payload, mask)


def accept_of(key):
    """RFC 6455 4.2.2, item 5.4."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Stream:
    """A socket that is read whenever it has something, also while we send."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inbox = bytearray(sock.take_early() if hasattr(sock, "take_early") else b"")  # TLS may have some already
        self.ended = False

    def _read_some(self):
        try:
            data = self.sock.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            raise Failure("the transport ended by a reset") from None
        if data:
            self.inbox += data
        else:
            self.ended = True

    def send(self, data):
        rest = memoryview(data)
        deadline = time.monotonic() + PATIENCE
        while rest or getattr(self.sock, "unsent", False):  # TLS takes more than it has sent
            try:
                rest = rest[self.sock.send(rest) :]
                continue
            except (BlockingIOError, InterruptedError):
                pass
            except (BrokenPipeError, ConnectionResetError) as error:
                raise Failure(f"the transport broke while we were sending: {error}") from None
            readers = [] if self.ended else [self.sock]
            readable, _, _ = select.select(readers, [self.sock], [], max(0, deadline - time.monotonic()))
            if readable:
                self._read_some()
            if time.monotonic() > deadline:
                raise Failure("nobody reads what we send")

    def send_in_pieces(self, data, sizes):
        """Sends in writes of the given sizes, round and round."""
        view, turn = memoryview(data), 0
        while view:
            size = sizes[turn % len(sizes)]
            self.send(view[:size])
            view, turn = view[size:], turn + 1

    def fill(self, size, seconds=None):
        """Waits until `size` octets are there or the other side has ended; tells whether they are."""
        deadline = time.monotonic() + (PATIENCE if seconds is None else seconds)
        while len(self.inbox) < size and not self.ended:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise Failure(f"silence; so far: {shown(self.inbox)}")
            self._read_some()
        return len(self.inbox) >= size

    def take(self, size):
        if not self.fill(size):
            raise Failure(f"the transport ended inside something; left: {shown(self.inbox)}")
        data = bytes(memoryview(self.inbox)[:size])
        del self.inbox[:size]
        return data

    def take_head(self, limit=65536):
        """An HTTP head, including its empty line."""
        while b"\r\n\r\n" not in self.inbox:
            if not self.fill(len(self.inbox) + 1) or len(self.inbox) > limit:
                raise Failure(f"no whole HTTP head: {shown(self.inbox)}")
        return self.take(self.inbox.index(b"\r\n\r\n") + 4)

    def expect_end(self, seconds=None):
        """An orderly end, and not an octet before it."""
        if self.fill(1, seconds):
            raise Failure(f"expected the end of the transport, got {shown(self.inbox)}")

    def expect_silence(self, seconds=0.05):
        """Nothing comes, for a moment. Only for what a later answer cannot prove."""
        if select.select([self.sock], [], [], seconds)[0]:
            self._read_some()
        if self.inbox or self.ended:
            raise Failure(f"expected nothing, got {shown(self.inbox) if self.inbox else 'the end'}")

    def shut(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.sock.close()

    def reset(self):
        """Ends the connection by a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


class Wire(Stream):
    """Frames on an upgraded connection to a testee that is the server or the client."""

    def __init__(self, sock, testee_is_server, leftover=b""):
        super().__init__(sock)
        self.inbox += leftover
        self.testee_is_server = testee_is_server
        self.events = []  # what the testee was seen to receive, as the client testee prints it
        self.outcome = None  # "clean", "failed" or "idle" once the connection has ended
        self.code = None  # the close code that the testee got from us

    def frame(self, opcode, payload=b"", mask=True, **how):
        """A frame from us: masked as our role demands, unless `mask` is False or a key, or "wrong"."""
        if mask == "wrong":
            key = None if self.testee_is_server else b"\1\2\3\4"
        elif isinstance(mask, bytes):
            key = mask
        else:
            key = os.urandom(4) if mask and self.testee_is_server else None
        return frame(opcode, payload, key, **how)

    def frames(self, message, sizes, opcode=TEXT, rsv=0):
        """A message as fragments of the given sizes, the last one takes the rest; `rsv` is for the first."""
        pieces, at = [], 0
        for size in sizes:
            pieces.append(message[at : at + size])
            at += size
        pieces.append(message[at:])
        last = len(pieces) - 1
        return b"".join(
            self.frame(CONTINUATION if i else opcode, piece, fin=i == last, rsv=0 if i else rsv)
            for i, piece in enumerate(pieces)
        )

    def receive_frame(self):
        """The next frame, its form judged: (first octet, payload)."""
        first, second = self.take(2)
        opcode, size = first & 15, second & 127
        if opcode not in NAMES:
            raise Failure(f"opcode {opcode} came")
        if opcode >= 8 and not first & 0x80:
            raise Failure(f"a fragmented {NAMES[opcode]} came")
        if bool(second & 0x80) == self.testee_is_server:
            raise Failure("a server's frame is masked" if self.testee_is_server else "a client's frame is not masked")
        if size > 125:
            if opcode >= 8:
                raise Failure("a control frame with an extended length came")
            extended = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            if extended < (126 if size == 126 else 65536):
                raise Failure(f"length {extended} is not in its shortest form")
            size = extended
        if self.testee_is_server:
            return first, self.take(size)
        key = self.take(4)
        return first, masked(self.take(size), key)

    def receive(self):
        """The next message or control frame, judged: (opcode, payload)."""
        first, payload = self.receive_frame()
        opcode = first & 15
        if not first & 0x80:
            raise Failure(f"a fragment came (opcode {opcode}); the testee sends whole messages")
        if first & 0x70:
            raise Failure(f"reserved bits are set: {first:#x}")
        if opcode == CONTINUATION:
            raise Failure("a continuation came")
        return opcode, payload

    def expect(self, opcode, payload):
        got, data = self.receive()
        if (got, data) != (opcode, payload):
            raise Failure(f"expected {NAMES[opcode]} {shown(payload)}, got {NAMES[got]} {shown(data)}")
        if opcode in (TEXT, BINARY):
            self.events.append(f"MESSAGE {NAMES[opcode]} {len(payload)}")

    def echo(self, opcode, payload, sizes=None, **how):
        """Sends one message, whole or in TCP writes of the given sizes, and wants it back."""
        data = self.frame(opcode, payload, **how)
        self.send_in_pieces(data, sizes or [len(data)])
        self.expect(opcode, payload)

    def _receive_close(self, codes):
        opcode, payload = self.receive()
        if opcode != CLOSE:
            raise Failure(f"expected Close, got {NAMES[opcode]} {shown(payload)}")
        if len(payload) == 1 or len(payload) > 125:
            raise Failure(f"a Close with a payload of {len(payload)} octets")
        code = int.from_bytes(payload[:2], "big") if payload else 1005
        try:
            payload[2:].decode("utf-8")
        except UnicodeDecodeError:
            raise Failure(f"the reason is not UTF-8: {payload[2:]!r}") from None
        if code not in codes:
            raise Failure(f"expected Close {' or '.join(map(str, codes))}, got {code} {payload[2:]!r}")
        return code

    def expect_failed(self, *codes):
        """The testee fails the connection with one of the codes (RFC 6455 7.1.7): Close, then the end."""
        self._receive_close(codes)
        self.expect_end()
        self.outcome, self.code = "failed", 1006
        self.close()

    def expect_closed(self, *codes, told):
        """A closing handshake that we started; `told` is the code that the testee reports for ours."""
        self._receive_close(codes)
        if not self.testee_is_server:
            self.shut()  # RFC 6455 7.1.1: the server, us, closes TCP first
        self.expect_end()
        self.outcome, self.code = "clean", told
        self.close()

    def expect_close_request(self, code):
        """A closing handshake that the testee started."""
        self._receive_close([code])
        self.send(self.frame(CLOSE, code.to_bytes(2, "big")))
        if not self.testee_is_server:
            self.shut()
        self.expect_end()
        self.outcome, self.code = "clean", code
        self.close()

    def finish(self):
        """The usual end of a case that left the connection open."""
        if self.outcome is None:
            self.send(self.frame(CLOSE, b"\x03\xe8"))
            self.expect_closed(1000, told=1000)


# permessage-deflate (RFC 7692)

RSV1 = 4
TAIL = b"\0\0\xff\xff"  # of each message, and not sent (7.2.1)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What the parameters of 7.1 came to."""

    client_bits: int = 15
    server_bits: int = 15
    client_takeover: bool = True
    server_takeover: bool = True


class Deflater:
    """What we send, compressed by Python's zlib."""

    def __init__(self, bits, takeover):
        # A compressor of 9 bits reaches back 250 octets and so does for 8, which zlib has not.
        self.bits, self.takeover = max(9, bits), takeover
        self.context = None

    def forget(self):
        """From here on nothing refers to what was sent before."""
        self.context = None

    def message(self, data, level=6):
        if not data:
            return b"\0"
        if self.context is None or not self.takeover:
            self.context = zlib.compressobj(level, zlib.DEFLATED, -self.bits)
        out = self.context.compress(data) + self.context.flush(zlib.Z_SYNC_FLUSH)
        if not out.endswith(TAIL):
            raise ValueError("zlib did not flush")
        return out[: -len(TAIL)]


def at_border(context):
    """Whether a block may begin here, at an octet's border: an empty final one is the end then."""
    probe = context.copy()
    try:
        return probe.decompress(b"\3\0") == b"" and probe.eof
    except zlib.error:
        return False


class Inflater:
    """What the testee sends, decompressed by Python's zlib, which is held to the window that was agreed."""

    def __init__(self, bits, takeover):
        self.bits, self.takeover = bits, takeover
        self.context = None

    def begin(self):
        if self.context is None or not self.takeover:
            self.context = zlib.decompressobj(-self.bits)

    def piece(self, data):
        """zlib checks a distance against the window and all that the same call gave, so that calls are to give little."""
        out, step = [], max(64, 1 << self.bits - 2)
        while True:
            try:
                some = self.context.decompress(data, step)
            except zlib.error as error:
                raise Failure(f"what the testee compressed does not inflate: {error}") from None
            data = self.context.unconsumed_tail
            if self.context.eof:
                raise Failure("the testee's stream ends in a final block")
            if not some and not data:
                return b"".join(out)
            out.append(some)

    def end(self):
        """Behind the octets that were not sent a block must begin, at an octet's border."""
        rest = self.piece(TAIL)
        if not at_border(self.context):
            raise Failure("the testee's message does not end at the border of a block")
        return rest

    def message(self, data):
        self.begin()
        return self.piece(data) + self.end()


class DeflateWire(Wire):
    """A connection on which permessage-deflate was agreed; without an `agreement` it was not."""

    def __init__(self, sock, testee_is_server, agreement, leftover=b""):
        super().__init__(sock, testee_is_server, leftover)
        self.agreement = agreement
        terms = agreement or Agreement()
        of_client = terms.client_bits, terms.client_takeover
        of_server = terms.server_bits, terms.server_takeover
        self.deflater = Deflater(*(of_client if testee_is_server else of_server))
        self.inflater = Inflater(*(of_server if testee_is_server else of_client))
        self.parts = []  # of the message that is coming: first octet and payload of its frames
        self.last = []  # those of the last whole message

    def ready(self, data, opcode=TEXT, sizes=()):
        """Frames with what is compressed already; the next message must not refer to what was before."""
        self.deflater.forget()
        return self.frames(data, sizes, opcode, rsv=RSV1)

    def compressed(self, message, opcode=TEXT, sizes=()):
        """Frames with a message that we compress."""
        return self.frames(self.deflater.message(message), sizes, opcode, rsv=RSV1)

    def exchange(self, opcode, message, sizes=()):
        """Sends a compressed message and wants it back."""
        self.send(self.compressed(message, opcode, sizes))
        self.expect(opcode, message)

    def is_compressed(self):
        """Whether the last message came so."""
        return bool(self.last[0][0] & 0x40)

    def octets(self):
        """Octets of the last message on the wire, but for its headers."""
        return sum(len(payload) for _, payload in self.last)

    def receive(self):
        while True:
            first, payload = self.receive_frame()
            opcode, rsv = first & 15, first >> 4 & 7
            if opcode >= 8:
                if rsv:
                    raise Failure(f"reserved bits {rsv:03b} on {NAMES[opcode]}")
                return opcode, payload
            if bool(self.parts) != (opcode == CONTINUATION):
                raise Failure(f"{NAMES[opcode]} came {'inside' if self.parts else 'without'} a message")
            if rsv & (3 if opcode and self.agreement else 7):
                raise Failure(f"reserved bits {rsv:03b} on {NAMES[opcode]}")
            self.parts.append((first, payload))
            if first & 0x80:
                return self._take_message()

    def _take_message(self):
        self.last, self.parts = self.parts, []
        data = b"".join(payload for _, payload in self.last)
        return self.last[0][0] & 15, self.inflater.message(data) if self.is_compressed() else data
