"""The openssl program in both roles: s_client at wsuv-testee-server, s_server for wsuv-testee-client.

covers: T001, T002, T004, T006, T007, T012, T013, T014, T015, T016, T017, T023, T024, T025, T026, T027
covers: W016, W018, W092, W208
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading

import testee
import tls
import wire
from testee import SKIPPED, Failure, parse_head, request, require_tls, response, transport
from wire import TEXT

OPENSSL = shutil.which("openssl")
STDBUF = shutil.which("stdbuf")  # s_server says some things by a stream that a pipe would fill first
KEY = b"\x5a\xa5\x0f\xf0"
failures = 0


def check(condition, what):
    global failures
    print(("ok " if condition else "FAILED ") + what, flush=True)
    failures += not condition


class Program:
    """openssl with pipes; what it says on both outputs is kept and waited for."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [*([STDBUF, "-o0"] if STDBUF else []), OPENSSL, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        self.said = bytearray()
        self.seen = 0
        self.ended = False
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            with self.news:
                self.said += data
                self.ended = not data
                self.news.notify_all()
            if not data:
                return

    def wait(self, *texts):
        """Up to the first of the texts that comes behind what was waited for before; returns what is up to its end."""
        def found():
            ends = [self.said.find(text, self.seen) + len(text) for text in texts if self.said.find(text, self.seen) >= 0]
            return min(ends) if ends else None

        with self.news:
            if not self.news.wait_for(lambda: found() or self.ended, wire.PATIENCE) or not found():
                raise Failure(f"no {texts} behind {wire.shown(bytes(self.said[-600:]))}")
            end = found()
            before, self.seen = bytes(self.said[self.seen : end]), end
            return before

    def send(self, data):
        self.process.stdin.write(data)

    def end(self):
        """All that it said, once it ended by itself or because its input did."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.status = self.process.wait(wire.PATIENCE)
            self.reader.join(wire.PATIENCE)
        finally:
            testee.kill(self.process)
            self.process.stdout.close()
        return self.said.decode(errors="replace")


# ---- s_client ----


def s_client(server, *arguments):
    return Program(
        "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", tls.cert("ca.pem"), "-verify_return_error",
        "-servername", "localhost", "-verify_hostname", "localhost", *arguments,
    )


def upgrade(program, server):
    program.send(request(server.port))
    program.wait(b"HTTP/1.1 101 ")
    program.wait(b"\r\n\r\n")


def echo(program, text):
    program.send(wire.frame(TEXT, text, KEY))
    program.wait(wire.frame(TEXT, text))


def leave(program):
    """A closing handshake; the server ends the transport."""
    program.send(wire.frame(8, b"\x03\xe8", KEY))
    program.wait(wire.frame(8, b"\x03\xe8"))
    return program.end()


def session(server, *arguments):
    """Echo over one connection; all that openssl said."""
    program = s_client(server, *arguments)
    try:
        upgrade(program, server)
        echo(program, b"hello")
        return leave(program)
    finally:
        testee.kill(program.process)


def refused(server, *arguments):
    """The handshake fails; what openssl said. Sends nothing."""
    program = s_client(server, *arguments)
    try:
        said = program.end()
    finally:
        testee.kill(program.process)
    if program.status == 0:
        raise Failure("openssl is content")
    return said


def contains(said, *texts):
    for text in texts:
        if text not in said:
            raise Failure(f"no {text!r} in {said[-1500:]}")


def versions(server):
    contains(session(server, "-tls1_3", "-alpn", "http/1.1"), "TLSv1.3", "Verify return code: 0 (ok)", "ALPN protocol: http/1.1")
    said = session(server, "-tls1_2", "-alpn", "h2,http/1.1")
    contains(said, "TLSv1.2", "Verify return code: 0 (ok)", "ALPN protocol: http/1.1", "Secure Renegotiation IS supported")
    contains(said, "Compression: NONE")
    contains(session(server), "No ALPN negotiated")


def old_versions(server):
    for version in ("-tls1", "-tls1_1"):
        contains(refused(server, version, "-cipher", "ALL:@SECLEVEL=0"), "alert protocol version")


def weak_ciphers(server):
    """Without authentication, encryption, AEAD or forward secrecy."""
    count = 0
    for cipher in ("eNULL", "aNULL", "RC4", "3DES", "kRSA", "EXPORT", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "CAMELLIA", "PSK"):
        said = refused(server, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
        if "no cipher match" in said or "no ciphers available" in said:  # openssl has none of these itself
            continue
        contains(said, "alert handshake failure")
        count += 1
    if count < 4:
        raise Failure(f"only {count} were tried")


def good_ciphers(server):
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        contains(session(server, "-tls1_2", "-cipher", cipher), cipher)
    for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        contains(session(server, "-tls1_3", "-ciphersuites", cipher), cipher)


def renegotiation(server):
    program = s_client(server, "-tls1_2")
    upgrade(program, server)
    echo(program, b"before")
    program.send(b"R\n")
    program.wait(b"RENEGOTIATING")
    try:
        program.wait(b"no renegotiation", b"closed", b"errno=")
        said = program.end()
    finally:
        testee.kill(program.process)
    if said.count("SSL handshake has read") > 1:
        raise Failure("it renegotiated")


def key_updates(server):
    program = s_client(server, "-tls1_3")
    try:
        upgrade(program, server)
        for i in range(10):
            program.send(b"K\n" if i % 2 else b"k\n")
            program.wait(b"KEYUPDATE")
            echo(program, b"update %d" % i)
        leave(program)
    finally:
        testee.kill(program.process)


def resumption(server):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "session")
        for version in ("-tls1_2", "-tls1_3"):
            contains(session(server, version, "-sess_out", path), "New, TLSv1")
            contains(session(server, version, "-sess_in", path), "Reused, TLSv1")
        contains(session(server, "-tls1_3", "-sess_out", path), "New, TLSv1.3")
        early = os.path.join(folder, "early")
        with open(early, "wb") as file:
            file.write(request(server.port))
        said = session(server, "-tls1_3", "-sess_in", path, "-early_data", early)
        if "Early data was accepted" in said:
            raise Failure("early data was accepted")


def other_alpn(server):
    contains(refused(server, "-alpn", "h2"), "alert no application protocol")


def unknown_name(server):
    contains(session(server, "-servername", "nobody.example"), "Verify return code: 0 (ok)")


def stapled(_server):
    server = testee.Server("--tls-ocsp", tls.cert("ocsp.der"))
    for version in ("-tls1_2", "-tls1_3"):
        contains(session(server, version, "-status"), "OCSP Response Status: successful", "Cert Status: good")
    server.stop()


def other_certificates(_server):
    """What a server is given is what it shows."""
    for name, text in (("server_rsa", "rsa"), ("chain", "wsuv test intermediate")):
        transport.tls = False
        server = testee.Server(*tls.identity(name))
        transport.tls = True
        contains(session(server).lower(), text, "verify return code: 0 (ok)")
        server.stop()


def client_certificates(_server):
    server = testee.Server("--tls-client-ca", tls.cert("ca.pem"), "--tls-failures")
    for version in ("-tls1_2", "-tls1_3"):
        shown = ["-cert", tls.cert("alice.pem"), "-key", tls.cert("alice.key")]
        contains(session(server, version, *shown), "Verify return code: 0 (ok)")
        for name, error in ((None, "ENOCERT"), ("mallory", "ECERTAUTHORITY"), ("server", "ECERTIFICATE")):
            arguments = ["-cert", tls.cert(f"{name}.pem"), "-key", tls.cert(f"{name}.key")] if name else []
            program = s_client(server, version, *arguments)
            line = server.process.stdout.readline()
            said = program.end()
            if not line.startswith(f"TLS {error}: ") or "HTTP/1.1" in said:
                raise Failure(f"{name}: the server says {line!r}")
    server.stop()


def only_the_newest(_server):
    server = testee.Server("--tls-min", "1.3")
    contains(refused(server, "-tls1_2"), "alert protocol version")
    contains(session(server), "TLSv1.3")
    server.stop()


# ---- s_server ----


class OpensslServer(Program):
    def __init__(self, *arguments, shown="server"):
        super().__init__(
            "s_server", "-accept", "127.0.0.1:0", "-cert", tls.cert(f"{shown}.pem"), "-cert_chain", tls.cert(f"{shown}.pem"),
            "-key", tls.cert(f"{shown}.key"), "-naccept", "1", *arguments,
        )
        self.port = int(self.wait(b"ACCEPT 127.0.0.1:", b"ACCEPT [::]:") and self.wait(b"\n"))


def served(*arguments, flags=(), url="wss://localhost:{}/", play=None, line="TLS TLSv1.3 "):
    """Our client with a server that lets it in. All that openssl said."""
    server = OpensslServer(*arguments)
    client = testee.Client(url.format(server.port), "--tls-ca", tls.cert("ca.pem"), *flags)
    try:
        head = b"GET " + server.wait(b"GET ") and b"GET " + server.wait(b"\r\n\r\n")
        parse_head(head)
        server.send(response(head))
        server.send(wire.frame(TEXT, b"hello"))
        masked_echo(server, b"hello")
        texts = [b"hello", *(play(server) if play else [])]
        server.send(wire.frame(TEXT, b"please close"))
        server.wait(b"\x88\x82")
        server.send(wire.frame(8, b"\x03\xe8"))
        said = server.end()
        status, lines = client.wait()
    finally:
        client.kill()
        testee.kill(server.process)
    wanted = ["OPEN", *[f"MESSAGE text {len(text)}" for text in texts], "MESSAGE text 12"]
    got = [text for text in lines if not text.startswith(("TLS ", "CLOSE ", "ERROR "))]
    if got != wanted or not lines[1].startswith(line):
        raise Failure(f"the client said {status} {lines}, expected {wanted}")
    return said


def masked_echo(server, text):
    """A masked frame of ours (5.1)."""
    server.wait(bytes([0x81, 0x80 | len(text)]))
    at = server.seen
    with server.news:
        if not server.news.wait_for(lambda: len(server.said) >= at + 4 + len(text), wire.PATIENCE):
            raise Failure("the echo is not whole")
        key, payload = bytes(server.said[at : at + 4]), bytes(server.said[at + 4 : at + 4 + len(text)])
        server.seen = at + 4 + len(text)
    if wire.masked(payload, key) != text:
        raise Failure(f"the echo is {payload!r}")


def client_versions(_server):
    said = served("-tls1_3", "-alpn", "http/1.1")
    contains(said, "CIPHER is TLS_", "ALPN protocols advertised by the client: http/1.1\n", "ALPN protocols selected: http/1.1")
    contains(served("-tls1_2", line="TLS TLSv1.2 "), "CIPHER is ECDHE-")
    served("-no_ticket", flags=("--tls-min", "1.3"))


def client_key_updates(_server):
    def play(server):
        texts = []
        for i in range(10):
            server.send(b"K\n" if i % 2 else b"k\n")
            texts.append(b"update %d" % i)
            server.wait(b"SSL_do_handshake -> 1")
            server.send(wire.frame(TEXT, texts[-1]))
            masked_echo(server, texts[-1])
        return texts

    served("-tls1_3", play=play)


def client_renegotiation(_server):
    """A HelloRequest is refused; what follows of the connection is openssl's to decide."""
    server = OpensslServer("-tls1_2")
    client = testee.Client(f"wss://localhost:{server.port}/", "--tls-ca", tls.cert("ca.pem"))
    try:
        server.send(response(b"GET " + server.wait(b"GET ") + server.wait(b"\r\n\r\n")))
        server.send(wire.frame(TEXT, b"hello"))
        masked_echo(server, b"hello")
        server.send(b"r\n")
        server.wait(b"no renegotiation", b"CONNECTION CLOSED")
        said = server.end()
        status, lines = client.wait()
    finally:
        client.kill()
        testee.kill(server.process)
    if said.count("CIPHER is ") != 1 or lines[:1] != ["OPEN"]:
        raise Failure(f"it renegotiated, or: {status} {lines} {said[-300:]}")


def client_shows_a_certificate(_server):
    flags = ("--tls-cert", tls.cert("alice.pem"), "--tls-key", tls.cert("alice.key"))
    for version, line in (("-tls1_2", "TLS TLSv1.2 "), ("-tls1_3", "TLS TLSv1.3 ")):
        served(version, "-Verify", "2", "-CAfile", tls.cert("ca.pem"), "-verify_return_error", flags=flags, line=line)


def client_names(_server):
    """The name goes out as asked for; without a name nothing does."""
    extra = ("-servername", "localhost", "-cert2", tls.cert("server.pem"), "-key2", tls.cert("server.key"))
    contains(served(*extra), 'Hostname in TLS extension: "localhost"')
    contains(served(*extra, url="wss://127.0.0.1:{}/", flags=("--tls-name", "localhost")), 'Hostname in TLS extension: "localhost"')
    if "Hostname in TLS extension" in served(*extra, url="wss://127.0.0.1:{}/"):
        raise Failure("an address went out as a name")


def client_refuses(*arguments, errors, shown="server", flags=None, url="wss://localhost:{}/"):
    server = OpensslServer(*arguments, shown=shown)
    client = testee.Client(url.format(server.port), *(["--tls-ca", tls.cert("ca.pem")] if flags is None else flags))
    try:
        status, lines = client.wait()
        said = server.end()
    finally:
        client.kill()
        testee.kill(server.process)
    if status != 1 or len(lines) != 1 or not lines[0].startswith(tuple(f"ERROR {error}: " for error in errors)):
        raise Failure(f"{shown} {arguments}: the client said {status} {lines}, expected {errors}")
    if "GET " in said:
        raise Failure(f"{shown} {arguments}: it sent its request")


def client_refuses_certificates(_server):
    for shown, error in (
        ("other", "ECERTAUTHORITY"), ("self_signed", "ECERTAUTHORITY"), ("expired", "ECERTEXPIRED"), ("early", "ECERTEARLY"),
        ("a", "ECERTHOST"), ("cn_only", "ECERTHOST"), ("other_san", "ECERTHOST"), ("client_auth_only", "ECERTIFICATE"),
        ("under_not_ca", "ECERTIFICATE"), ("constrained", "ECERTIFICATE"),
    ):
        client_refuses(shown=shown, errors=[error] + (["ECERTAUTHORITY"] if shown == "under_not_ca" else []))
    client_refuses(errors=["ECERTAUTHORITY"], flags=[])
    client_refuses(errors=["ECERTAUTHORITY"], flags=["--tls-ca", tls.cert("other_ca.pem")])
    client_refuses(errors=["ECERTHOST"], flags=["--tls-ca", tls.cert("ca.pem"), "--tls-name", "else.example"])
    client_refuses(shown="dns_ip", errors=["ECERTHOST"], url="wss://127.0.0.1:{}/")


def client_refuses_old_things(_server):
    for version in ("-tls1", "-tls1_1"):
        client_refuses(version, "-cipher", "ALL:@SECLEVEL=0", errors=["ETLSVERSION"])
    client_refuses("-tls1_2", flags=["--tls-ca", tls.cert("ca.pem"), "--tls-min", "1.3"], errors=["ETLSVERSION"])
    for cipher in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-NULL-SHA", "aNULL"):
        client_refuses("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0", errors=["ETLS"])
    client_refuses("-tls1_2", "-cipher", "kRSA:@SECLEVEL=0", shown="server_rsa", errors=["ETLS"])


def client_without_verification(_server):
    """Only when it is told so."""
    server = OpensslServer(shown="other")
    client = testee.Client(f"wss://localhost:{server.port}/", "--insecure")
    try:
        server.wait(b"GET ")
        server.send(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        status, lines = client.wait()
        server.end()
    finally:
        client.kill()
        testee.kill(server.process)
    if status != 1 or not lines[0].startswith("ERROR ESTATUS: "):
        raise Failure(f"the client said {lines}")


def main():
    if OPENSSL is None:
        print("skipped: no openssl program")
        return SKIPPED
    require_tls()
    transport.tls = True
    server = testee.Server()
    for function in (
        versions, old_versions, weak_ciphers, good_ciphers, renegotiation, key_updates, resumption, other_alpn, unknown_name,
        stapled, other_certificates, client_certificates, only_the_newest,
        client_versions, client_key_updates, client_renegotiation, client_shows_a_certificate, client_names, client_refuses_certificates,
        client_refuses_old_things, client_without_verification,
    ):
        if len(sys.argv) > 1 and function.__name__ not in sys.argv[1:]:
            continue
        if function is client_key_updates and not STDBUF:
            print("left out: client_key_updates, for want of stdbuf")
            continue
        try:
            function(server)
            check(True, function.__name__)
        except (Failure, OSError, subprocess.TimeoutExpired) as error:
            check(False, f"{function.__name__}: {type(error).__name__}: {error}")
    try:
        server.stop()
    except Failure as error:
        check(False, str(error))
    print(f"openssl: {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
