"""HAProxy between clients and apps, both wsuv's and Python's, with the configuration of src/api/DEPLOYING.md."""

import signal
import socket
import subprocess

import peer
import testee
from proxy import PATIENCE, Proxy, app, block, check, find, put, running, tests, tls

PROGRAM = find("haproxy")


class HAProxy(Proxy):
    absent = 503
    scheme = "https"
    told_scheme = "https"

    def configuration(self):
        text = block("haproxy")
        for index in range(2):
            where = self.app_at(index).replace("unix:", "unix@")
            if self.secure_behind:
                where += " " + put(block("haproxy-tls").strip(), "/etc/haproxy/ca.pem", tls.cert("ca.pem"))
            text = put(text, f"unix@/run/app/{index + 1}/socket", where)
        if not self.secure:
            return put(text, ":443 ssl crt /etc/haproxy/site.pem alpn http/1.1", f"fd@{self.descriptor}")
        with open(self.path("site.pem"), "wb") as file:
            for name in ("server.pem", "server.key"):
                with open(tls.cert(name), "rb") as part:
                    file.write(part.read())
        text = put(text, ":443 ssl", f"fd@{self.descriptor} ssl")
        return put(text, "/etc/haproxy/site.pem", self.path("site.pem"))

    def environment(self):
        return {}

    def command(self):
        words = [PROGRAM, "-W", "-S", self.path("master"), "-f", self.path("configuration")]
        how = {"pass_fds": [self.descriptor], "capture_output": True, "text": True, "timeout": PATIENCE}
        done = subprocess.run([*words, "-c"], check=False, **how)
        said = [line for line in done.stderr.splitlines() if "WARNING" in line or "ALERT" in line]
        check(done.returncode == 0 and not said, f"haproxy of the configuration: {done.stdout} {done.stderr}")
        return words

    def is_ready(self):
        """Whether the master, too, is in its loop: it answers."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect(self.path("master"))
                sock.sendall(b"show version\n")
                return sock.recv(100) != b""
            except OSError:
                return False

    def reload(self, text):
        self.write(text)
        self.process.send_signal(signal.SIGUSR2)


class SendsProxyProtocol(HAProxy):
    def configuration(self):
        return super().configuration().replace(" check\n", " send-proxy\n")


async def the_proxy_protocol_is_refused():
    with app() as server:
        async with running(SendsProxyProtocol, server) as proxy:
            link = proxy.raw()
            link.send(testee.request(proxy.port))
            start, _ = testee.parse_head(link.take_head())
            check(start.startswith("HTTP/1.1 400 "), f"answered {start}")


if __name__ == "__main__":
    peer.run([*tests(HAProxy), ("the PROXY protocol is refused", the_proxy_protocol_is_refused)])
