#!/usr/bin/env python3
"""Instructions and system calls of the server for each message, compared with counts.tsv. Linux, valgrind; strace where it is.

usage: counts.py --bin DIR [--compiler TEXT] [--only NAME]... [--accept | --peer NAME]

  --bin DIR        has bench_peer_wsuv and wsuv-bench: a release build
  --compiler TEXT  what they were built with; a warning where counts.tsv was made with another one
  --only NAME      this row; may be repeated [all]
  --accept         writes what was measured to counts.tsv
  --peer NAME      measures bench_peer_NAME instead, and compares nothing

A count is the difference of two runs, divided by the messages that one has more: what the start, the connections and the end
cost is in both. Instructions are those in user space, without OpenSSL's, which chooses its code by the processor. A count that
is over its limit is taken again, twice at most, and the least one holds: what else the machine does can only add events that
bring less.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "counts.tsv"
ATTEMPTS = 3
PATIENCE = 300  # seconds that one run may take

# "rep movsb" is an instruction for every octet here, and where glibc takes it depends on the processor.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1073741824"}

REQUEST = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


class Workload:
    """A load of N messages; each is so many units of what is counted."""

    def __init__(self, messages, load, server="", units=1):
        self.messages = messages
        self.load = load.split()
        self.server = server.split()
        self.units = units


TLS = "--cert server.pem --key server.key"

# Fixed numbers of everything; a multiple of connections times messages in flight.
WORKLOADS = {
    "echo-64x1x20": Workload(6400, "--conns 64 --payload 20"),
    "echo-64x1x1024-text": Workload(6400, "--conns 64 --payload 1024 --kind ascii"),
    "echo-64x32x20": Workload(40960, "--conns 64 --in-flight 32 --payload 20"),
    "echo-64x32x1024": Workload(40960, "--conns 64 --in-flight 32 --payload 1024"),
    "echo-16x1x65536": Workload(640, "--conns 16 --payload 65536"),
    "echo-8x1x1048576": Workload(80, "--conns 8 --payload 1048576"),
    "broadcast-1000x1x125": Workload(20, "--broadcast --conns 1000 --payload 125", "--broadcast", 1000),
    "broadcast-1000x16x125": Workload(160, "--broadcast --conns 1000 --payload 125 --in-flight 16", "--broadcast", 1000),
    "connect-upgrade-close": Workload(200, "--churn --conns 1"),
    "tls-64x1x20": Workload(6400, "--tls --conns 64 --payload 20", TLS),
}


def fail(text):
    sys.exit(f"counts: {text}")


def settle(port):
    """Until the server has seen the load's connections end: they come before the answer to this one."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(REQUEST)
        client.recv(4096)


def run_load(setup, workload, port, messages):
    """The one place that knows how the load generator is called."""
    raw = ["--raw"] if setup.peer == "raw" else []
    command = [setup.bin / "wsuv-bench", "load", "--port", port, "--messages", messages, "--warm-up", 0]
    command += [*workload.load, *raw]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        fail(f"the load ended with {done.returncode}")


class Setup:
    def __init__(self, options, scratch):
        self.bin = pathlib.Path(options.bin).resolve()
        self.peer = options.peer or "wsuv"
        self.scratch = scratch

    def command(self, workload):
        return [str(self.bin / f"bench_peer_{self.peer}"), *workload.server]

    def make_certificate(self):
        if not (self.scratch / "server.pem").exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.pem"],
                           cwd=self.scratch, stderr=subprocess.DEVNULL, check=True)


def run_under(setup, tool, workload, messages):
    """One run of the server under the tool. Returns what was counted as messages."""
    # The shell's number becomes the server's, whatever process the tool itself is.
    shell = ["sh", "-c", 'echo $$; exec "$0" "$@"']
    server = subprocess.Popen([*tool[0], *shell, *tool[1], *setup.command(workload)], cwd=setup.scratch, env=ENVIRONMENT,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pid = int(server.stdout.readline())
    line = server.stdout.readline()
    try:
        if not line:
            return None
        port = int(re.search(r"(\d+)\s*$", line)[1])
        run_load(setup, workload, port, messages)
        settle(port)
        return messages * workload.units
    finally:
        if line:
            os.kill(pid, signal.SIGTERM)
        server.wait(PATIENCE)


def object_costs(path):
    """Instructions of each object file, out of callgrind's own format."""
    names, costs, current, is_call = {}, {}, None, False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("ob="):
                number, _, name = line[3:].strip().partition(" ")
                names.setdefault(number, name)
                current = names[number]
            elif line.startswith("cob="):
                number, _, name = line[4:].strip().partition(" ")
                if name:
                    names.setdefault(number, name)
            elif line.startswith("calls="):
                is_call = True  # the line behind it has the callee's cost
            elif line[0] in "0123456789+-*":
                if not is_call:
                    costs[current] = costs.get(current, 0) + int(line.split()[1])
                is_call = False
    return costs


def kind_of(name):
    for kind in ("libuv", "libssl", "libcrypto", "libc."):
        if f"/{kind}" in name:
            return {"libssl": "openssl", "libcrypto": "openssl", "libc.": "libc"}.get(kind, kind)
    return "wsuv" if "bench_peer_" in name else "rest"


def count_instructions(setup, workload):
    """By kind of object, for each message."""
    totals = []
    for messages in (workload.messages, 2 * workload.messages):
        out = setup.scratch / "callgrind.out"
        units = run_under(setup, ([], ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]), workload,
                          messages)
        if units is None:
            return None
        kinds = {}
        for name, cost in object_costs(out).items():
            kinds[kind_of(name)] = kinds.get(kind_of(name), 0) + cost
        totals.append((units, kinds))
    (units, less), (more_units, more) = totals
    return {kind: (more[kind] - less.get(kind, 0)) / (more_units - units) for kind in more}


def count_syscalls(setup, workload):
    if shutil.which("strace") is None:
        return None
    totals = []
    for messages in (workload.messages, 2 * workload.messages):
        out = setup.scratch / "strace.out"
        units = run_under(setup, (["strace", "-f", "-c", "-o", str(out)], []), workload, messages)
        calls = re.search(r"^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)(?:\s+\d+)?\s+total$", out.read_text(), re.MULTILINE)
        if units is None or calls is None:
            return None
        totals.append((units, int(calls[1])))
    (units, less), (more_units, more) = totals
    return (more - less) / (more_units - units)


def read_record():
    """The lines of comment, and the rows by name: limits and counts as text, '-' for none."""
    comments, rows = [], {}
    for line in RECORD.read_text().splitlines():
        if line.startswith("#"):
            comments.append(line)
        elif line:
            name, *cells = line.split("\t")
            rows[name] = cells
    return comments, rows


def write_record(comments, rows, compiler):
    kept = [line for line in comments if not line.startswith("# compiler: ")]
    lines = kept + [f"# compiler: {compiler}"] + ["\t".join([name, *cells]) for name, cells in rows.items()]
    RECORD.write_text("\n".join(lines) + "\n")


def number(cell):
    return None if cell == "-" else float(cell)


def is_over(value, recorded, tolerance):
    return None not in (value, recorded, tolerance) and value > recorded * (1 + tolerance / 100)


def least(old, new):
    return new if old is None or (new is not None and new < old) else old


def measure(setup, workload, cells):
    """Instructions by kind and system calls, the least of a few attempts where they are over."""
    recorded, recorded_calls = number(cells[2]), number(cells[3])
    tolerance, calls_tolerance = number(cells[4]), number(cells[5])
    kinds, calls = None, None
    for _ in range(ATTEMPTS):
        if kinds is None or is_over(own(kinds), recorded, tolerance):
            again = count_instructions(setup, workload)
            if again is None:
                return None, None
            kinds = again if kinds is None or own(again) < own(kinds) else kinds
        if calls is None or is_over(calls, recorded_calls, calls_tolerance):
            calls = least(calls, count_syscalls(setup, workload))
        if not is_over(own(kinds), recorded, tolerance) and not is_over(calls, recorded_calls, calls_tolerance):
            break
    return kinds, calls


def own(kinds):
    return sum(cost for kind, cost in kinds.items() if kind != "openssl")


def text_of(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def print_row(name, cells, kinds, calls):
    recorded = number(cells[2])
    change = "-" if not recorded else f"{100 * (own(kinds) / recorded - 1):+.1f} %"
    print(f"| {name} | {cells[0]} | {cells[2]} | {own(kinds):.0f} | {change} | "
          f"{' / '.join(text_of(kinds.get(kind, 0)) for kind in ('wsuv', 'libuv', 'libc', 'rest', 'openssl'))} | "
          f"{cells[1]} | {cells[3]} | {text_of(calls, 3)} |", flush=True)


def judge(name, cells, kinds, calls):
    faults = []
    if is_over(own(kinds), number(cells[2]), number(cells[4])):
        faults.append(f"{name}: {own(kinds):.0f} instructions, {cells[2]} and {cells[4]} % are allowed")
    if is_over(calls, number(cells[3]), number(cells[5])):
        faults.append(f"{name}: {calls:.3f} system calls, {cells[3]} and {cells[5]} % are allowed")
    return faults


def run(options, setup):
    comments, rows = read_record()
    names = options.only or list(rows)
    unknown = [name for name in names if name not in rows or name not in WORKLOADS]
    if unknown:
        fail(f"no such row: {' '.join(unknown)}")
    if not options.peer and not options.accept and f"# compiler: {options.compiler}" not in comments:
        print(f"counts: counts.tsv was not made with {options.compiler}: what differs may be the compiler", file=sys.stderr)
    print("instructions and system calls of the server for each message; of a broadcast for each delivery\n")
    print("| | must | recorded | measured | change | wsuv / libuv / libc / rest, openssl beside it | system calls must "
          "| recorded | measured |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    faults = []
    for name in names:
        workload = WORKLOADS[name]
        cells = rows[name] if not options.peer and not options.accept else [*rows[name][:2], "-", "-", *rows[name][4:]]
        if workload.server == TLS.split():
            setup.make_certificate()
        kinds, calls = measure(setup, workload, cells)
        if kinds is None:
            print(f"| {name} | not with this server |")
            continue
        print_row(name, rows[name] if not options.peer else cells, kinds, calls)
        faults += judge(name, cells, kinds, calls)
        rows[name] = [*cells[:2], text_of(own(kinds)), text_of(calls, 3), *cells[4:]]
    if options.accept:
        write_record(comments, rows, options.compiler)
    return faults


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--compiler", default="unknown")
    parser.add_argument("--only", action="append")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--peer")
    options = parser.parse_args()
    if options.accept and options.peer:
        parser.error("--accept and --peer exclude each other")
    if shutil.which("valgrind") is None:
        fail("needs valgrind")
    with tempfile.TemporaryDirectory() as scratch:
        faults = run(options, Setup(options, pathlib.Path(scratch)))
    if faults:
        print("\n" + "\n".join(faults))
        fail("where that is meant, build the target bench-counts-accept and commit tests/bench/counts.tsv")


if __name__ == "__main__":
    main()
