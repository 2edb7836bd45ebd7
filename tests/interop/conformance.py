"""A strict conformance driver for RFC 6455: conformance.py server|client [PATTERN]

Runs every case against wsuv-testee-server or wsuv-testee-client (found in the folder WSUV_TESTEES) over raw sockets. In
each case the close code or HTTP status, every frame's form, the order of events and the orderly end of the transport
are judged; meanwhile a connection opened before all others must go on working. PATTERN picks cases by a part of
"category: name". Exit status 1 if a case failed, 77 if there is nothing to test.
"""

import concurrent.futures
import sys
import time

import cases_frames
import cases_handshake
from testee import Listener, Server, connect, find, response
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

    def prepare(self, flags):
        """Not from several threads at once."""
        if flags not in self.servers:
            self.servers[flags] = Server(*flags)
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

    def check_witness(self):
        self.witness.echo(TEXT, "still working ✓".encode())
        self.witness.echo(BINARY, bytes(1000))

    def finish(self):
        self.witness.finish()
        for server in self.servers.values():
            server.stop()


class ClientRole:
    """Runs each case against a client process of its own."""

    def cases(self):
        for category, name, function, flags in cases_frames.CASES:
            yield category, name, lambda f=function, g=flags: self.run_frames(f, g), flags
        for name, function, flags in cases_handshake.CLIENT_CASES:
            yield "handshake", name, lambda f=function, g=flags: self.run_handshake(f, g), flags

    def prepare(self, flags):
        pass

    def run_frames(self, function, flags):
        def play(stream, head):
            stream.send(response(head))
            link = Wire(stream.sock, False, stream.inbox)
            function(link)
            link.finish()
            return ("open" if link.outcome == "clean" else "failed"), link.events, link.code

        self.run_handshake(play, flags)

    def run_handshake(self, function, flags):
        listener = Listener()
        client = None
        try:
            client, stream, head = listener.start(*flags)
            cases_handshake.judge_request(head, listener.port)
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

    def finish(self):
        pass


def judge_output(kind, details, code, status, lines):
    """What the client printed, and its exit status, against what happened on the wire."""
    if kind == "error":
        if len(lines) != 1 or not lines[0].startswith(tuple(f"ERROR {name}: " for name in details)):
            raise Failure(f"expected ERROR {' or '.join(details)}, got {lines}")
        if status != 1:
            raise Failure(f"exit status {status} after an error")
        return
    errors = [line for line in lines if line.startswith("ERROR ")]
    rest = [line for line in lines if not line.startswith("ERROR ")]
    wanted = ["OPEN", *details, f"CLOSE {code}"]
    if rest != wanted:
        raise Failure(f"expected the events {wanted[-5:]}, got {rest[-5:]}")
    if len(errors) != (kind == "failed"):
        raise Failure(f"errors: {errors}")
    if status != (kind == "failed"):
        raise Failure(f"exit status {status} after {'failure' if kind == 'failed' else 'a clean close'}")


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
    seconds = time.monotonic() - started
    print(f"{category:<14} {len(cases) - failures:>4} of {len(cases):>4} passed in {seconds:.1f} s", flush=True)
    return failures


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[0] not in ("server", "client"):
        print(__doc__)
        return 2
    find(f"wsuv-testee-{arguments[0]}")
    role = ServerRole() if arguments[0] == "server" else ClientRole()
    pattern = arguments[1] if len(arguments) == 2 else ""
    categories = {}
    for case in role.cases():
        if pattern in f"{case[0]}: {case[1]}":
            categories.setdefault(case[0], []).append(case)
    total = sum(map(len, categories.values()))
    failures = sum(run_category(role, category, cases) for category, cases in categories.items())
    problem = attempt(role.finish) if categories else None
    if problem:
        failures += 1
        print(f"FAILED at the end\n  {problem}")
    print(f"{arguments[0]} role: {total} cases, {failures} failed")
    return 1 if failures or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
