"""curl at wsuv-testee-server over TLS: a page is asked for and 426 comes; where curl knows wss://, it opens a WebSocket.

covers: W208
"""

import shutil
import subprocess
import sys

import testee
import tls
import wire
from testee import SKIPPED, Failure, require_tls, transport

CURL = shutil.which("curl")
failures = 0


def check(condition, what):
    global failures
    print(("ok " if condition else "FAILED ") + what, flush=True)
    failures += not condition


def curl(*arguments):
    """(exit status, body, what --write-out says of status, HTTP version and verification)."""
    done = subprocess.run(
        [CURL, "--silent", "--show-error", "--noproxy", "*", *arguments],
        capture_output=True, text=True, errors="replace", timeout=wire.PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


def main():
    if CURL is None:
        print("skipped: no curl")
        return SKIPPED
    features = subprocess.run([CURL, "--version"], capture_output=True, text=True, check=True).stdout
    if "https" not in features:
        print("skipped: curl without https")
        return SKIPPED
    require_tls()
    transport.tls = True
    server = testee.Server()
    ca = ("--cacert", tls.cert("ca.pem"))
    said = ("--output", "/dev/null", "--write-out", "%{http_code} %{http_version} %{ssl_verify_result}")
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{server.port}/"
        for version in (("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",)):
            got = curl(*ca, *version, *said, url)
            check(got[:2] == (0, "426 1.1 0"), f"{url} {' '.join(version)}: {got}")
        got = curl(*ca, *said, "--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", url)
        check(got[0] == 35 and got[1].startswith("000"), f"{url} with TLS 1.1: {got}")
        got = curl("--cacert", tls.cert("other_ca.pem"), *said, url)
        check(got[0] == 60, f"{url} with another authority: {got}")
    got = curl(*ca, *said, "--http2", f"https://localhost:{server.port}/")
    check(got[:2] == (0, "426 1.1 0"), f"asked for HTTP/2: {got}")
    got = curl(*ca, *said, "--resolve", f"else.example:{server.port}:127.0.0.1", f"https://else.example:{server.port}/")
    check(got[0] == 60, f"another name: {got}")
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    headers = [word for field in upgrade for word in ("--header", field)]
    impatient = testee.Server("--ping-interval-ms", "100", "--max-pings", "1")  # it ends what curl would not
    got = curl(*ca, *headers, "--http1.1", "--include", f"https://localhost:{impatient.port}/")
    check("101 Switching Protocols" in got[1] and "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in got[1], f"an upgrade by hand: {got[1][:40]!r}")
    if any(word == "wss" for line in features.splitlines() if line.startswith("Protocols:") for word in line.split()):
        got = curl(*ca, "--include", f"wss://localhost:{impatient.port}/")
        check("101 Switching Protocols" in got[1], f"wss://: {got}")
    else:
        print("left out: this curl has no wss://")
    impatient.stop()
    server.stop()

    mutual = testee.Server("--tls-client-ca", tls.cert("ca.pem"))
    url = f"https://localhost:{mutual.port}/"
    got = curl(*ca, *said, "--cert", tls.cert("alice.pem"), "--key", tls.cert("alice.key"), url)
    check(got[:2] == (0, "426 1.1 0"), f"with alice's certificate: {got}")
    got = curl(*ca, *said, url)
    check(got[0] in (35, 56) and got[1].startswith("000"), f"without a certificate: {got}")
    mutual.stop()

    transport.pipe = True
    server = testee.Server()
    got = curl(*ca, *said, "--unix-socket", server.path, "https://localhost/")
    check(got[:2] == (0, "426 1.1 0"), f"over a unix socket: {got}")
    server.stop()
    print(f"curl: {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, subprocess.TimeoutExpired) as error:
        print(f"FAILED {error}")
        sys.exit(1)
