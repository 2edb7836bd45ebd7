"""A strict conformance driver for RFC 6455 and RFC 7692: conformance.py [OPTION...] server|client [PATTERN]

  --deflate            the cases of compression instead of those of RFC 6455
  --tls                over TLS, Python's ssl as the other side; close_notify is then part of an orderly end
  --tls-version 1.2    this version of it and no other (or 1.3)
  --tls-records N      what is small goes in TLS records of N octets each
  --pipe               over a unix socket
  --every N            every N-th case only

Runs every case, those of RFC 6455 or with --deflate those of compression, against wsuv-testee-server or wsuv-testee-client
(found in the folder WSUV_TESTEES) over raw sockets. In each case the close code or HTTP status, every frame's form, the
order of events and the orderly end of the transport are judged; meanwhile a connection opened before all others must go
on working. PATTERN picks cases by a part of "category: name". WSUV_DEFLATE_MESSAGES is how many messages each case of the
compression matrix sends (1000 for a full run). Exit status 1 if a case failed, 77 if there is nothing to test.
"""

import argparse
import concurrent.futures
import sys
import time

import cases_deflate
import cases_frames
import cases_handshake
import tls
from testee import SKIPPED, Listener, Server, connect, find, require_tls, response, transport
from wire import BINARY, TEXT, Failure, Stream, Wire

WORKERS = 4


class ServerRole:
    """Runs cases against servers, one for each set of flags."""

    def __init__(self):
        self.servers = {}
        self.witness = None

    def cases(self):
        for category, name, function, flags in cases_frames.CASES:
            yield category, name, lambda f=function, g=flags: self.run_frames(f, g), flags
        for name, function, flags in cases_handshake.SERVER_CASES:
            yield "handshake", name, lambda f=function, g=flags: self.run_handshake(f, g), flags

    def deflate_cases(self):
        for name, function, flags in cases_deflate.SERVER_CASES:
            yield "deflate negotiation", name, lambda f=function, g=flags: self.run_handshake(f, g), flags
        for category, name, function, flags, params in cases_deflate.CASES:
            yield category, name, lambda f=function, g=flags, p=params: self.run_deflate(f, g, p), flags

    def prepare(self, flags):
        """Not from several threads at once."""
        if flags not in self.servers:
            # The witness may be silent for long, and a sanitizer slow while large messages go by.
            patient = () if "--handshake-timeout-ms" in flags else ("--handshake-timeout-ms", "60000")
            self.servers[flags] = Server("--ping-interval-ms", "off", *patient, *flags)
        if self.witness is None:
            self.witness = self.servers[flags].open()

    def run_frames(self, function, flags):
        link = self.servers[flags].open()
        try:
            function(link)
            link.finish()
        finally:
            link.close()

    def run_handshake(self, function, flags):
        server = self.servers[flags]
        stream = Stream(connect(server.port))
        try:
            function(server, stream)
        finally:
            stream.close()
        if "--max-connections" not in flags and "--handshake-timeout-ms" not in flags:
            server.open().finish()

    def run_deflate(self, function, flags, params):
        stream = Stream(connect(self.servers[flags].port))
        try:
            link = cases_deflate.open_to_server(stream, params)
            function(link)
            link.finish()
        finally:
            stream.close()

    def check_witness(self):
        self.witness.echo(TEXT, "still working ✓".encode())
        self.witness.echo(BINARY, bytes(1000))

    def end_category(self):
        """Stops the servers, but for the first, which has the witness."""
        for flags in list(self.servers)[1:]:
            self.servers.pop(flags).stop()

    def finish(self):
        self.witness.finish()
        self.end_category()
        for server in self.servers.values():
            server.stop()


class ClientRole:
    """Runs each case against a client process of its own."""

    def cases(self):
        for category, name, function, flags in cases_frames.CASES:
            yield category, name, lambda f=function, g=flags: self.run_frames(f, g), flags
        for name, function, flags in cases_handshake.CLIENT_CASES:
            yield "handshake", name, lambda f=function, g=flags: self.run_handshake(f, g), flags

    def deflate_cases(self):
        for name, function, flags in cases_deflate.CLIENT_CASES:
            yield "deflate negotiation", name, lambda f=function, g=flags: self.run_handshake(f, g), flags
        for category, name, function, flags, params in cases_deflate.CASES:
            yield category, name, lambda f=function, g=flags, p=params: self.run_deflate(f, g, p), flags

    def prepare(self, flags):
        pass

    def run_frames(self, function, flags):
        def play(stream, head):
            stream.send(response(head))
            link = Wire(stream.sock, False, stream.inbox)
            function(link)
            link.finish()
            return {"clean": "open", "idle": "idle"}.get(link.outcome, "failed"), link.events, link.code

        self.run_handshake(play, flags)

    def run_deflate(self, function, flags, params):
        def play(stream, head):
            link = cases_deflate.open_to_client(stream, head, params)
            function(link)
            link.finish()
            return cases_deflate.outcome_of(link)

        self.run_handshake(play, flags)

    def run_handshake(self, function, flags):
        listener = Listener()
        client = None
        try:
            client, stream, head = listener.start(*flags)
            cases_handshake.judge_request(without_offers(head) if "--deflate" in flags else head, listener.port)
            kind, details, code = function(stream, head)
            stream.close()
            status, lines = client.wait()
            judge_output(kind, details, code, status, lines)
        finally:
            listener.close()
            if client is not None:
                client.kill()

    def check_witness(self):
        pass

    def end_category(self):
        pass

    def finish(self):
        pass


def without_offers(head):
    """The request but for its extensions, which cases_deflate judges."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"sec-websocket-extensions:"))


def judge_output(kind, details, code, status, lines):
    """What the client printed, and its exit status, against what happened on the wire."""
    if kind == "error":
        if len(lines) != 1 or not lines[0].startswith(tuple(f"ERROR {name}: " for name in details)):
            raise Failure(f"expected ERROR {' or '.join(details)}, got {lines}")
        if status != 1:
            raise Failure(f"exit status {status} after an error")
        return
    if transport.tls:
        judge_tls_line(lines.pop(1) if len(lines) > 1 else "")
    errors = [line for line in lines if line.startswith("ERROR ")]
    rest = [line for line in lines if not line.startswith("ERROR ")]
    wanted = ["OPEN", *details, f"CLOSE {code}"]
    if rest != wanted:
        raise Failure(f"expected the events {wanted[-5:]}, got {rest[-5:]}")
    if len(errors) != (kind in ("failed", "idle")):
        raise Failure(f"errors: {errors}")
    if status != (kind == "failed"):
        raise Failure(f"exit status {status} after {'failure' if kind == 'failed' else 'a clean close'}")


def judge_tls_line(line):
    """Modern in every case, and verified."""
    words = line.split(" ")
    if len(words) != 3 or words[0] != "TLS" or words[1] != f"TLSv{transport.version or '1.3'}":
        raise Failure(f"expected a line on TLS behind OPEN, got {line!r}")


def attempt(function):
    try:
        function()
        return None
    except (Failure, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def run_category(role, category, cases):
    started = time.monotonic()
    failures = 0
    for _, _, _, flags in cases:
        role.prepare(flags)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(attempt, [function for _, _, function, _ in cases])
        for (_, name, _, _), problem in zip(cases, results):
            if problem:
                failures += 1
                print(f"FAILED {category}: {name}\n  {problem}", flush=True)
    problem = attempt(role.check_witness)
    if problem:
        failures += 1
        print(f"FAILED {category}: the connection opened before is disturbed\n  {problem}", flush=True)
    problem = attempt(role.end_category)
    if problem:
        failures += 1
        print(f"FAILED {category}: a server does not end well\n  {problem}", flush=True)
    seconds = time.monotonic() - started
    print(f"{category:<20} {len(cases) - failures:>4} of {len(cases):>4} passed in {seconds:.1f} s", flush=True)
    return failures


def parse(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--tls-version", choices=sorted(tls.VERSIONS))
    parser.add_argument("--tls-records", type=int, default=tls.RECORD)
    parser.add_argument("--pipe", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("pattern", nargs="?", default="")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    find(f"wsuv-testee-{options.role}")
    if options.deflate and not cases_deflate.is_built_with_compression():
        print("skipped: built without compression")
        return SKIPPED
    if options.tls:
        require_tls()
    transport.tls, transport.pipe = options.tls, options.pipe
    transport.version, transport.record = options.tls_version, options.tls_records
    role = ServerRole() if options.role == "server" else ClientRole()
    categories = {}
    for i, case in enumerate(role.deflate_cases() if options.deflate else role.cases()):
        if options.pattern in f"{case[0]}: {case[1]}" and i % options.every == 0:
            categories.setdefault(case[0], []).append(case)
    total = sum(map(len, categories.values()))
    failures = sum(run_category(role, category, cases) for category, cases in categories.items())
    problem = attempt(role.finish) if categories else None
    if problem:
        failures += 1
        print(f"FAILED at the end\n  {problem}")
    print(f"{options.role} role over {transport.name()}: {total} cases, {failures} failed")
    return 1 if failures or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
