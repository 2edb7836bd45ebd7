"""nginx between clients and apps, both wsuv's and Python's, with the configuration of src/api/DEPLOYING.md."""

import os
import re
import subprocess

import peer
from proxy import PATIENCE, Proxy, block, check, find, put, tests, tls

PROGRAM = find("nginx")


class Nginx(Proxy):
    absent = 502
    scheme = "$scheme"

    @property
    def told_scheme(self):
        return "https" if self.secure else "http"

    def configuration(self):
        text = block("nginx")
        for name in ("/run/nginx.pid", "/var/log/nginx/error.log", "/var/log/nginx/access.log"):
            text = put(text, name, self.path(os.path.basename(name)))
        for index in range(2):
            text = put(text, f"server unix:/run/app/{index + 1}/socket;", f"server {self.app_at(index)};")
        # Where a package's nginx has its temporary files, not everybody may write.
        kinds = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
        folders = "".join(f"{kind}_temp_path {self.path(kind)};\n" for kind in kinds)
        text = put(text, "http {\n", "http {\n" + folders)
        if self.secure_behind:
            text = put(text, "proxy_pass http://app;", put(block("nginx-tls"), "/etc/ssl/ca.pem", tls.cert("ca.pem")))
        if not self.secure:
            text = re.sub(r"ssl_certificate(_key)? .*\n", "", text)
            return put(text, "listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
        text = put(text, "/etc/ssl/site.pem", tls.cert("server.pem"))
        text = put(text, "/etc/ssl/site.key", tls.cert("server.key"))
        return put(text, "listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;")

    def words(self, *more):
        user = " user root;" if os.geteuid() == 0 else ""  # or else its workers could not read the folder
        return [PROGRAM, "-p", self.folder.name, "-c", self.path("configuration"), "-g", f"daemon off;{user}", *more]

    def environment(self):
        return {"NGINX": f"{self.descriptor};"}  # listening sockets to use

    def command(self):
        done = subprocess.run(self.words("-t"), capture_output=True, text=True, timeout=PATIENCE, check=False)
        said = [line for line in done.stderr.splitlines() if "[" in line]
        check(done.returncode == 0 and not said, f"nginx of the configuration: {done.stderr}")
        return self.words()

    def is_ready(self):
        return os.path.exists(self.path("nginx.pid"))

    def reload(self, text):
        self.write(text)
        subprocess.run(self.words("-s", "reload"), check=True, capture_output=True, timeout=PATIENCE)


if __name__ == "__main__":
    peer.run(tests(Nginx))
