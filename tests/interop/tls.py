"""TLS for the scripts: the certificates of the tests, contexts of Python's ssl, and a socket with TLS on it that Stream takes.

Python's ssl works on memory here, so that the ends of both layers are told apart: close_notify and FIN, in this order, are an
orderly end, and anything else is none; and every octet from the first on has to be of a TLS record.

covers: T019, W017, W060, W092, W208
"""

import functools
import os
import select
import socket
import ssl
import time

from wire import PATIENCE, Failure

RECORD = 1 << 14
SMALL = 4096  # octets of a send that are cut into small records; what is longer would take too long, and so would
SMALL_IN_ALL = 1 << 16  # more than this on one connection

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def folder():
    """Where the certificates are, or None."""
    path = os.environ.get("WSUV_TEST_CERTS")
    return path if path and os.path.exists(os.path.join(path, "ca.pem")) else None


def cert(name):
    """The path of a certificate, key or list such as "ca.pem"."""
    return os.path.join(folder(), name)


def identity(name="server"):
    """The flags of a testee that shows this certificate."""
    return ["--tls-cert", cert(f"{name}.pem"), "--tls-key", cert(f"{name}.key")]


@functools.cache
def client_context(version=None, ca="ca.pem", shown=None):
    """A client's, which verifies; `shown` is the certificate that it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cert(ca))
    return _finished(context, version, shown)


@functools.cache
def server_context(version=None, shown="server", client_ca=None):
    """A server's; with `client_ca` it demands a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cert(client_ca))
    return _finished(context, version, shown)


def _finished(context, version, shown):
    if shown:
        context.load_cert_chain(cert(f"{shown}.pem"), cert(f"{shown}.key"))
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsSocket:
    """What Stream needs of a socket, on top of a connected one. `record` is how many octets of a small send go into a record."""

    def __init__(self, sock, context, server_name=None, server_side=False, record=RECORD, session=None):
        self.raw = sock
        self.record = record
        self.small_left = SMALL_IN_ALL
        self.inbound, self.outbound = ssl.MemoryBIO(), ssl.MemoryBIO()
        names = {} if server_side else {"server_hostname": server_name}
        self.tls = context.wrap_bio(self.inbound, self.outbound, server_side=server_side, session=session, **names)
        self.cipher_text = bytearray()  # that the socket has not taken
        self.is_notified = False  # by the peer's close_notify
        self.is_shut = False
        self.early = b""

    # ---- the handshake, before Stream takes over

    def handshake(self, patience=None):
        deadline = time.monotonic() + (PATIENCE if patience is None else patience)
        self.raw.setblocking(False)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._push_out(deadline)
                self._wait(deadline)
                self._pull_in(1 << 14, "the transport ended inside the TLS handshake")
            except ssl.SSLError as error:
                self._collect()
                self._try_to_send()
                raise Failure(f"TLS handshake: {describe(error)}") from None
        self._push_out(deadline)
        self.early = self._decrypt()
        return self

    def take_early(self):
        """What came together with the end of the handshake, once."""
        early, self.early = self.early, b""
        return early

    def _wait(self, deadline):
        if not select.select([self.raw], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failure("silence inside the TLS handshake")

    def _pull_in(self, size, what):
        data = self.raw.recv(size)
        if not data:
            raise Failure(what)
        self.inbound.write(data)

    def _push_out(self, deadline):
        self._collect()
        while not self._try_to_send():
            select.select([], [self.raw], [], max(0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise Failure("nobody reads what we send")

    # ---- what Stream calls

    @property
    def family(self):
        return self.raw.family

    def fileno(self):
        return self.raw.fileno()

    def setblocking(self, is_blocking):
        self.raw.setblocking(is_blocking)

    def settimeout(self, seconds):
        self.raw.settimeout(seconds)

    def setsockopt(self, *arguments):
        self.raw.setsockopt(*arguments)

    def _collect(self):
        self.cipher_text += self.outbound.read()

    def _try_to_send(self):
        """Whether all is gone."""
        while self.cipher_text:
            try:
                sent = self.raw.send(self.cipher_text)
            except (BlockingIOError, InterruptedError):
                return False
            except (BrokenPipeError, ConnectionResetError) as error:
                self.cipher_text.clear()
                raise error
            del self.cipher_text[:sent]
        return True

    @property
    def unsent(self):
        return bool(self.cipher_text)

    def send(self, data):
        """Octets taken; as much as a few records have, and no more before they are gone."""
        if not self._try_to_send():
            raise BlockingIOError
        data = memoryview(data)[: 4 * RECORD]
        size = self.record if len(data) <= min(SMALL, self.small_left) else RECORD
        if size == self.record:
            self.small_left -= len(data)
        for at in range(0, len(data), size):
            self.tls.write(data[at : at + size])
        self._collect()
        try:
            self._try_to_send()
        except TimeoutError:
            pass  # it is taken nevertheless, and goes first next time
        return len(data)

    def sendall(self, data):
        """For a socket with a timeout."""
        data = memoryview(data)
        while data or self.cipher_text:
            data = data[self.send(data) :]

    def recv(self, size):
        """All that is there, so that nothing is left for which no readable socket tells."""
        ended = False
        try:
            data = self.raw.recv(size)
            ended = not data
            self.inbound.write(data)
        except (BlockingIOError, InterruptedError):
            pass
        text = self._decrypt()
        if self.is_notified and self.inbound.pending:
            raise Failure(f"{self.inbound.pending} octets behind close_notify")
        if ended and not text and not self.is_notified:
            raise Failure("the transport ended without close_notify")
        if not text and not ended:
            raise BlockingIOError
        return text

    def _decrypt(self):
        parts = []
        while not self.is_notified:
            try:
                part = self.tls.read(1 << 18)
                if not part:
                    self.is_notified = True
                parts.append(part)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                self.is_notified = True
            except ssl.SSLError as error:
                raise Failure(f"TLS: {describe(error)}") from None
        self._collect()  # what answers a KeyUpdate
        self._try_to_send()
        return b"".join(parts)

    def notify(self):
        """Sends close_notify."""
        if not self.is_shut:
            self.is_shut = True
            try:
                self.tls.unwrap()
            except (ssl.SSLError, ValueError):
                pass  # it waits for the peer's, which recv will see
            self._collect()
        return self._try_to_send()

    def shutdown(self, how):
        self.notify()
        self.raw.shutdown(how)

    def close(self):
        self.raw.close()

    def abandon(self):
        """Ends the transport without close_notify."""
        self.raw.shutdown(socket.SHUT_WR)


def describe(error):
    return getattr(error, "verify_message", None) or error.reason or str(error)
