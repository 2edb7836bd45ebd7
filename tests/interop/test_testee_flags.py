"""The testees' command lines: --help, unknown flags, wrong values, compression, a unix socket, a port in use."""

import os
import socket
import subprocess
import sys
import tempfile

import tls
import wire
from testee import SKIPPED, Server, find, one, parse_head, request
from wire import TEXT, Failure, Stream, Wire

failures = 0


def run(program, *arguments):
    done = subprocess.run([find(program), *arguments], capture_output=True, text=True, timeout=wire.PATIENCE)
    return done.returncode, done.stdout, done.stderr


def check(condition, what):
    global failures
    print(("ok " if condition else "FAILED ") + what)
    failures += not condition


def refused(program, *arguments):
    status, out, err = run(program, *arguments)
    check((status, out, err.count("\n")) == (2, "", 1), f"{program} {' '.join(arguments)}: one sentence, status 2")


for program in ("wsuv-testee-server", "wsuv-testee-client"):
    status, out, err = run(program, "--help")
    check(status == 0 and err == "" and "--max-message" in out and "--write-limit" in out, f"{program} --help")
    refused(program, "--frobnicate", "1")
    check("--tls-cert" in out and "--tls-min" in out, f"{program} --help tells of TLS")
    for flags in (["--tls-key", "x"], ["--tls-min", "1.1", "--tls-cert", "x"], ["--tls-cert"]):
        refused(program, *flags, *(["wss://127.0.0.1:1/"] if "client" in program else []))
    refused(program, "--max-message")
    for value in ("", "many", "-1", "0", "1x", "99999999999999999999"):
        refused(program, "--max-message", value)
    for flag in ("max-pings", "max-fragments", "max-control-rate"):
        refused(program, f"--{flag}=3000000000")
    for flag in ("max-fragments", "max-control-rate", "min-receive-rate", "idle-timeout-ms"):
        check(f"--{flag}" in out, f"{program} --help tells of --{flag}")
        refused(program, f"--{flag}=0")
    refused(program, "ws://127.0.0.1:1/", "ws://127.0.0.1:1/")
    for value in ("", "0", "-1", "2147483648"):
        refused(program, "--fragment", value)
    for mode in ("", "on", "Shared"):
        refused(program, f"--deflate={mode}", "ws://127.0.0.1:1/")
    for flag in ("--deflate-bits=12", "--inflate-bits=off", "--deflate-takeover=0", "--deflate-level=1"):
        refused(program, flag, *(["ws://127.0.0.1:1/"] if "client" in program else []))
    for flag in ("deflate-bits", "inflate-bits"):
        for value in ("7", "16", "0", "-9", "x", "", "12x"):
            refused(program, "--deflate", "dedicated", f"--{flag}", value)
    for flag, values in {
        "deflate-takeover": ("2", "off"),
        "inflate-takeover": ("2", "off"),
        "deflate-level": ("0", "10", "off"),
        "deflate-mem-level": ("0", "10", "off"),
        "deflate-threshold": ("0", "-1"),
        "deflate-max-ratio": ("0", "-1"),
    }.items():
        for value in values:
            refused(program, "--deflate=shared", f"--{flag}={value}")
refused("wsuv-testee-server", "--port", "65536")
refused("wsuv-testee-server", "--port", "off")
refused("wsuv-testee-server", "--deflate=shared", "--deflate-strict=1")
refused("wsuv-testee-server", "--deflate=shared", "--deflate-fallback=1")
for flags in (["--tls-client-ca", "x"], ["--tls-ocsp", "x"], ["--tls-ca", "x"], ["--insecure"], ["--tls-failures=1"], ["--tls-name", "x"]):
    refused("wsuv-testee-server", *flags)
for flags in (["--insecure=1"], ["--tls-client-ca", "x"], ["--tls-failures"]):
    refused("wsuv-testee-client", *flags, "wss://127.0.0.1:1/")
refused("wsuv-testee-client")
refused("wsuv-testee-client", "--port", "1", "ws://127.0.0.1:1/")

for url in ("ws://127.0.0.1:0x50/", "http//x", "ws://", "ws://127.0.0.1/#x"):
    status, out, err = run("wsuv-testee-client", url)
    check(status == 1 and out.startswith("ERROR EURL: ") and err == "", f"{url} is no URL")

with socket.create_server(("127.0.0.1", 0)) as taken:
    status, out, err = run("wsuv-testee-server", "--port", str(taken.getsockname()[1]))
    check(status == 1 and out == "" and err.count("\n") == 1, "a port in use: one sentence, status 1")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "socket")
    server = subprocess.Popen([find("wsuv-testee-server"), f"--path={path}"], stdout=subprocess.PIPE, text=True)
    check(server.stdout.readline() == f"listening on unix:{path}\n", "a unix socket is told")
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    stream = Stream(sock)
    stream.send(request(80))
    stream.take_head()
    link = Wire(sock, True, stream.inbox)
    try:
        link.echo(TEXT, b"over a unix socket")
        link.finish()
        check(True, "echo over a unix socket")
    except Failure as error:
        check(False, f"echo over a unix socket: {error}")
    server.terminate()
    check(server.wait(wire.PATIENCE) == 0, "it ends well")


def answer_to(*flags):
    """What a server with these flags agrees to."""
    server = Server(*flags)
    stream = Stream(socket.create_connection(("127.0.0.1", server.port)))
    stream.send(request(server.port, fields=[b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]))
    fields = parse_head(stream.take_head())[1]
    stream.close()
    server.stop()
    return one(fields, "sec-websocket-extensions")


# The order of the flags does not matter: what is said of a parameter counts more than the mode's preset.
SHARED = "server_max_window_bits=12; client_no_context_takeover; server_no_context_takeover"
COMPRESSION = {
    ("--deflate", "dedicated"): "",
    ("--deflate", "shared"): SHARED,
    ("--deflate-bits=9", "--inflate-bits=10", "--deflate=dedicated"): "client_max_window_bits=10; server_max_window_bits=9",
    ("--deflate-bits=off", "--deflate=shared", "--deflate-takeover=1"): "client_no_context_takeover",
    ("--deflate=dedicated", "--deflate-takeover=0"): "server_no_context_takeover",
    ("--deflate=dedicated", "--inflate-takeover=0", "--deflate-level=1"): "client_no_context_takeover",
}
status, out, err = run("wsuv-testee-client", "--deflate=shared", "http//x")
if status == SKIPPED:
    check(err.count("\n") == 1, "built without compression: one sentence, status 77")
    COMPRESSION = {}
for flags, params in COMPRESSION.items():
    try:
        expected = f"permessage-deflate; {params}".removesuffix("; ")
        got = answer_to(*flags)
        check(got == expected, f"{' '.join(flags)}: {got}")
    except Failure as error:
        check(False, f"{' '.join(flags)}: {error}")

# TLS


def complains(program, error, *arguments):
    """A file that is no good: one sentence that names it, status 1."""
    status, out, err = run(program, *arguments)
    is_named = any(argument in err for argument in arguments if "/" in argument and not argument.startswith("wss:"))
    check((status, out, err.count("\n")) == (1, "", 1) and f" {error}: " in err and is_named, f"{err.strip()}")


def without_tls():
    """What both say in a build without it."""
    for program, flags in (("wsuv-testee-server", ["--tls-cert", "x"]), ("wsuv-testee-client", ["--insecure", "wss://127.0.0.1:1/"])):
        status, out, err = run(program, *flags)
        check((status, out, err.count("\n")) == (SKIPPED, "", 1) and "ENOTLS" in err, f"{program}: {err.strip()}")
    status, out, err = run("wsuv-testee-client", "wss://127.0.0.1:1/")
    check(status == 1 and out.startswith("ERROR ENOTLS: "), "wss:// without TLS")


def with_tls(folder):
    """Flags that name files; `folder` is for what is no certificate."""
    junk = os.path.join(folder, "junk")
    with open(junk, "w", encoding="ascii") as file:
        file.write("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    cert, key = tls.cert("server.pem"), tls.cert("server.key")
    for program, url in (("wsuv-testee-server", []), ("wsuv-testee-client", ["wss://127.0.0.1:1/"])):
        complains(program, "ENOENT", "--tls-cert", "/nowhere.pem", "--tls-key", key, *url)
        complains(program, "ENOENT", "--tls-cert", cert, "--tls-key", "/nowhere.key", *url)
        complains(program, "EPEM", "--tls-cert", junk, "--tls-key", key, *url)
        complains(program, "EPEM", "--tls-cert", cert, "--tls-key", junk, *url)
        complains(program, "EPEM", "--tls-cert", cert, *url)
        complains(program, "EKEYMISMATCH", "--tls-cert", cert, "--tls-key", tls.cert("a.key"), *url)
        complains(program, "EPASSWORD", "--tls-cert", cert, "--tls-key", tls.cert("encrypted.key"), *url)
    complains("wsuv-testee-server", "ENOENT", *tls.identity(), "--tls-client-ca", "/nowhere.pem")
    complains("wsuv-testee-server", "EPEM", *tls.identity(), "--tls-ocsp", junk)
    complains("wsuv-testee-client", "ENOENT", "--tls-ca", "/nowhere.pem", "wss://127.0.0.1:1/")
    complains("wsuv-testee-client", "EPEM", "--tls-ca", junk, "wss://127.0.0.1:1/")
    both = os.path.join(folder, "both.pem")
    with open(both, "wb") as file:
        for path in (cert, key):
            with open(path, "rb") as part:
                file.write(part.read())
    server = Server("--tls-cert", both)
    check(server.url.startswith("wss://127.0.0.1:"), f"certificate and key in one file: {server.url}")
    for flags, line in ((["--tls-ca", tls.cert("ca.pem")], "OPEN"), (["--insecure"], "OPEN"), ([], "ERROR ECERTAUTHORITY"),
                        (["--tls-ca", tls.cert("ca.pem"), "--tls-name", "localhost"], "OPEN"),
                        (["--tls-ca", tls.cert("ca.pem"), "--tls-name", "else.example"], "ERROR ECERTHOST")):
        client = subprocess.Popen([find("wsuv-testee-client"), *flags, server.url], stdout=subprocess.PIPE, text=True)
        got = client.stdout.readline()
        check(got.startswith(line), f"{' '.join(flags)}: {got.strip()}")
        if line == "OPEN":
            got = client.stdout.readline().split()
            check(got[:2] == ["TLS", "TLSv1.3"] and ("unverified" in got) == ("--insecure" in flags), " ".join(got))
        if line == "OPEN":
            client.terminate()
        check(client.wait(wire.PATIENCE) == (line != "OPEN"), "it ends well")
        client.stdout.close()
    server.stop()


if run("wsuv-testee-client", "--insecure", "wss:/")[0] == SKIPPED:
    without_tls()
elif tls.folder() is None:
    print("TLS left out: no certificates (WSUV_TEST_CERTS)")
else:
    with tempfile.TemporaryDirectory() as folder:
        with_tls(folder)

hosts = [("--host=localhost",)]
try:
    socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    hosts.append(("--host", "::1"))
except OSError:
    print("no IPv6 here")
for flags in hosts:
    try:
        server = Server(*flags)
        check(server.port > 0, f"{' '.join(flags)}: {server.url}")
        server.stop()
    except Failure as error:
        check(False, f"{' '.join(flags)}: {error}")
sys.exit(1 if failures else 0)
