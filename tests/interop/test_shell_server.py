"""The sample 10_shell_server: shells, and who gets none.

usage: python3 test_shell_server.py PATH-OF-10_shell_server

Its page's files are not needed: a folder of empty ones stands in for them.

covers: DEM.3, W054, W063, W201, W202
"""

import itertools
import json
import os
import re
import select
import signal
import subprocess
import tempfile

from sample_server import FrameClient, SampleServer, program, run_cases, wait_until
from testee import resident
from wire import BINARY, CLOSE, PING, PONG, TEXT, Failure, shown

# AddressSanitizer keeps freed memory back; that is not the growth we look for.
os.environ["ASAN_OPTIONS"] = ":".join(
    [*filter(None, [os.environ.get("ASAN_OPTIONS")]), "quarantine_size_mb=1", "thread_local_quarantine_size_kb=64"]
)

MIB = 1 << 20
PAGE = ("index.html", "shell.js", "shell.css")
XTERM = ("xterm/lib/xterm.js", "xterm/css/xterm.css", "addon-fit/lib/addon-fit.js")

folder = tempfile.TemporaryDirectory()
for name in PAGE + XTERM:
    os.makedirs(os.path.dirname(os.path.join(folder.name, name)), exist_ok=True)
    with open(os.path.join(folder.name, name), "w", encoding="ascii") as file:
        file.write(name)
FILES = ("--web", folder.name, "--xterm", folder.name)


class Terminal(FrameClient):
    """A client that collects the output and knows the shell's process id."""

    def __init__(self, stream):
        super().__init__(stream)
        self.output = b""

    def type(self, text):
        self.send(BINARY, text.encode())

    def tell(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def read_more(self):
        _, opcode, payload = self.receive()
        if opcode != BINARY:
            raise Failure(f"expected output, got opcode {opcode} {shown(payload)} behind {shown(self.output[-60:])}")
        self.output += payload

    def expect(self, pattern):
        """Reads until the output has it; what is before and in it is forgotten."""
        while not (match := re.search(pattern.encode(), self.output)):
            self.read_more()
        self.output = self.output[match.end() :]
        return match

    def learn_pid(self):
        self.type("echo shell=$$.\n")
        return int(self.expect(r"shell=(\d+)\.")[1])

    def expect_end(self, code, reason=None):
        """The Close; the output before it."""
        frames = self.expect_close(code, reason)
        return self.output + b"".join(payload for _, opcode, payload in frames if opcode == BINARY)


class ShellServer(SampleServer):
    def __init__(self, *flags):
        super().__init__("--port", "0", "--shell", "/bin/sh", *FILES, *flags)
        self.token = re.fullmatch(r"open http://\S+:\d+/\?token=([0-9a-f]{32})", self.lines[0])[1]
        self.target = f"/shell?token={self.token}"

    def shell(self, **how):
        return Terminal(self.open(self.target, **how).stream)

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return file.read().split()

    def is_sanitized(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE") > 1 << 40

    def octets_read(self):
        with open(f"/proc/{self.process.pid}/io", encoding="ascii") as file:
            return int(re.search(r"rchar: (\d+)", file.read())[1])

    def wait_until_it_reads_no_more(self):
        """Ten looks in a row see the same count."""
        seen = []

        def is_still():
            seen.append(self.octets_read())
            return len(seen) > 10 and len(set(seen[-10:])) == 1

        wait_until(is_still, "the server stops reading")


def is_gone(pid):
    return not os.path.exists(f"/proc/{pid}")


def check(condition, what):
    if not condition:
        raise Failure(what)


# ---- a session ----


def a_command_and_its_output():
    server = ShellServer()
    terminal = server.shell()
    terminal.type("echo answer=$((6 * 7))\n")
    terminal.expect("answer=42")
    terminal.type("echo $TERM on $(tty) of $(ps -o tty= -p $$)\n")
    terminal.expect(r"xterm-256color on /dev/(pts/\d+) of \1")
    terminal.type("echo zero=$0.\n")
    terminal.expect(r"zero=-sh\.")  # a login shell
    terminal.type("sh -c 'echo sle''eping; exec sleep 1000'\n")
    terminal.expect("sleeping")
    terminal.type("\x03")  # Ctrl-C: there is a controlling terminal
    terminal.type("echo interrupted=$?\n")
    terminal.expect(r"interrupted=130")
    terminal.leave()
    wait_until(lambda: not server.children(), "the shell is gone")
    server.stop()


def sessions_are_apart():
    server = ShellServer()
    first, second = server.shell(), server.shell()
    check(first.learn_pid() != second.learn_pid(), "two connections have one shell")
    first.type("exit 1\n")
    first.expect_end(1000, "shell exited with 1")
    second.type("echo still=$((1 + 1))\n")
    second.expect("still=2")
    second.leave()
    server.stop()


def the_size_follows_the_page():
    server = ShellServer()
    terminal = server.shell()
    terminal.type("stty size\n")
    terminal.expect(r"\b24 80\r")
    for cols, rows in ((123, 45), (1, 1), (1000, 1000)):
        terminal.tell(type="resize", cols=cols, rows=rows)
        terminal.type("stty size\n")
        terminal.expect(rf"\b{rows} {cols}\r")
    terminal.send(TEXT, b' {\t"rows" : 30 ,\r\n"type":"resize","cols":90 } ')
    terminal.type("stty size\n")
    terminal.expect(r"\b30 90\r")
    terminal.leave()
    server.stop()


def other_text_messages_end_the_session():
    server = ShellServer()
    size = '"type":"resize","cols":80,"rows"'
    for text in (
        "", "resize", "[]", "{}", "{", "null", "{%s:24" % size, "{%s:24}}" % size, "{%s:24,}" % size, "{%s:}" % size,
        "{%s:-1}" % size, "{%s:1e2}" % size, "{%s:024}" % size, '{%s:"24"}' % size, "{%s:9999999}" % size,
        '{%s:24,"rows":24}' % size, '{%s:24,"more":1}' % size, '{"cols":80,"rows":24}', '{"type":7}', "{%s:24}\0" % size,
        '{"type":"\\u0072esize"}', '{"type":"resize" "cols":80}', '{"type"',
    ):  # fmt: skip
        terminal = server.shell()
        terminal.send(TEXT, text.encode())
        terminal.expect_end(1007)
    for text in (
        '{"type":"sudo"}', '{"type":"resize"}', '{"type":"resize","cols":80}', "{%s:0}" % size, "{%s:1001}" % size,
        '{"type":"resize","cols":0,"rows":24}', '{"type":"resize","cols":1001,"rows":24}',
    ):  # fmt: skip
        terminal = server.shell()
        terminal.send(TEXT, text.encode())
        terminal.expect_end(1008)
    terminal = server.shell()
    terminal.send(BINARY, b"x" * (64 * 1024 + 1))
    terminal.expect_end(1009)
    wait_until(lambda: not server.children(), "their shells are gone")
    server.stop()


def the_end_of_the_shell_is_told():
    server = ShellServer()
    for command, reason in (
        ("exit 0", "shell exited with 0"),
        ("exit 7", "shell exited with 7"),
        ("kill -KILL $$", "shell ended by signal 9"),
    ):
        terminal = server.shell()
        pid = terminal.learn_pid()
        terminal.type(command + "\n")
        terminal.expect_end(1000, reason)
        wait_until(lambda pid=pid: is_gone(pid), f"the shell after '{command}' is gone")
    wait_until(lambda: not server.children(), "the server has no child, and no zombie")
    server.stop()


def the_last_output_comes_before_the_end():
    server = ShellServer()
    terminal = server.shell()
    terminal.type("stty -onlcr; seq 1 20000; exit 3\n")
    output = terminal.expect_end(1000, "shell exited with 3")
    check("\n".join(map(str, range(1, 20001))).encode() in output, f"output is missing: {output[-80:]!r}")
    server.stop()


# ---- who gets in ----


def no_shell_without_the_token():
    server = ShellServer()
    wrong = server.token[:-1] + ("0" if server.token[-1] != "0" else "1")
    for query in ("", "?", "?token=", f"?token={wrong}", f"?token={server.token}0", f"?token={server.token[:-1]}",
                  f"?t={server.token}", f"?token={server.token.upper()}x"):  # fmt: skip
        check(server.status_of("/shell" + query) == 403, f"'{query}' gets a shell")
    check(server.status_of(f"/elsewhere?token={server.token}") == 404, "the shell is on another path, too")
    check(not server.children(), "a shell was started for nobody")
    check(server.token != ShellServer().token, "two servers have one token")
    server.stop()


def no_shell_for_other_pages():
    server = ShellServer()
    own = f"127.0.0.1:{server.port}"
    for origin in ("http://elsewhere.example", "null", "http://127.0.0.1", f"http://{own}0", f"http://{own}.example",
                   f"http://x{own}", f"http://localhost:{server.port}", own, ""):  # fmt: skip
        status = server.status_of(server.target, fields=[f"Origin: {origin}"])
        check(status == 403, f"Origin '{origin}' is answered {status}")
    check(not server.children(), "a shell was started for nobody")
    for origin in (f"http://{own}", f"https://{own}"):
        server.shell(fields=[f"Origin: {origin}"]).leave()
    server.stop()


def no_answer_under_other_names():
    server = ShellServer()
    for host in ("elsewhere.example", f"elsewhere.example:{server.port}", "localhost.elsewhere.example",
                 "127.0.0.1.elsewhere.example", "192.0.2.1", "[::2]"):  # fmt: skip
        origin = [f"Origin: http://{host}"]
        check(server.status_of(server.target, host=host, fields=origin) == 403, f"Host '{host}' gets a shell")
        check(server.status_of("/", host=host, upgrade=False) == 403, f"Host '{host}' gets the page")
    for host in ("localhost", f"LOCALHOST:{server.port}", "127.0.0.1:8080", f"[::1]:{server.port}"):
        check(server.status_of("/", host=host, upgrade=False) == 200, f"Host '{host}' does not get the page")
        server.shell(host=host, fields=[f"Origin: http://{host}"]).leave()
    server.stop()


def other_machines_need_a_word():
    for host in ("0.0.0.0", "::", "192.0.2.1", "elsewhere.example", "127.0.0.1.example", "128.0.0.1"):
        done = subprocess.run([program(), "--host", host, *FILES], capture_output=True, text=True, timeout=60)
        check((done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), f"--host {host} is not refused")
        check("--i-know-this-gives-a-shell" in done.stderr, f"--host {host}: the flag is not named")
    server = ShellServer("--host", "0.0.0.0", "--i-know-this-gives-a-shell")
    check(server.status_of("/", host="192.0.2.1", upgrade=False) == 200, "an address is refused as Host")
    check(server.status_of("/", host="elsewhere.example", upgrade=False) == 403, "a name is not refused as Host")
    check(server.status_of("/shell") == 403, "no token is needed")
    server.stop()


def the_page_and_what_it_is_made_of():
    server = ShellServer()
    for target, name, kind in (("/?token=x", "index.html", "text/html"), ("/shell.js", "shell.js", "text/javascript"),
                               ("/xterm.js", XTERM[0], "text/javascript"), ("/xterm.css", XTERM[1], "text/css"),
                               ("/addon-fit.js", XTERM[2], "text/javascript")):  # fmt: skip
        stream, status, fields = server.ask(target, upgrade=False)
        check(status == 200 and fields["content-type"].startswith(kind), f"{target} is answered {status} {fields}")
        check(stream.take(len(name)).decode() == name, f"{target} is not {name}")
        check("default-src 'none'" in fields["content-security-policy"], f"{target} has no policy")
        stream.close()
    check(server.status_of("/../index.html", upgrade=False) == 404, "a path outside is answered")
    server.stop()
    done = subprocess.run([program(), "--web", folder.name, "--xterm", "/nowhere"], capture_output=True, text=True, timeout=60)
    check(done.returncode == 1 and "cmake/deps.sh shell" in done.stderr, f"without xterm.js it says {done.stderr!r}")


# ---- the end from outside ----


def who_vanishes_leaves_nothing_behind():
    server = ShellServer()
    for vanish in (lambda stream: stream.close(), lambda stream: stream.reset()):
        terminal = server.shell()
        pid = terminal.learn_pid()
        terminal.type("sh -c 'echo job=$$.; exec sleep 1000'\n")
        job = int(terminal.expect(r"job=(\d+)\.")[1])
        vanish(terminal.stream)
        wait_until(lambda pid=pid: is_gone(pid), "the shell is gone")
        wait_until(lambda job=job: is_gone(job), "its job is gone")
    terminal = server.shell()
    terminal.type("trap '' HUP; exec sh -c 'echo deaf=$$.; while :; do sleep 1; done'\n")
    pid = int(terminal.expect(r"deaf=(\d+)\.")[1])
    terminal.stream.close()
    wait_until(lambda: is_gone(pid), "a shell that does not hear SIGHUP is gone")
    wait_until(lambda: not server.children(), "the server has no child, and no zombie")
    server.stop()


def signals_end_the_sessions():
    for number in (signal.SIGINT, signal.SIGTERM):
        server = ShellServer()
        terminals = [server.shell() for _ in range(3)]
        pids = [terminal.learn_pid() for terminal in terminals]
        terminals[0].type("trap '' HUP; echo de''af\n")  # the terminal's echo of it may come before the shell's prompt
        terminals[0].expect("deaf")
        server.process.send_signal(number)
        for terminal in terminals:
            terminal.expect_end(1001, "the server stops")
        server.join()
        check(all(map(is_gone, pids)), "the server ended before its shells")


def a_killed_server_leaves_nothing_behind():
    server = ShellServer()
    terminal, idle = server.shell(), server.shell()
    pids = [terminal.learn_pid(), idle.learn_pid(), *map(int, server.children())]
    terminal.type("sh -c 'echo job=$$.; exec sleep 1000'\n")
    pids.append(int(terminal.expect(r"job=(\d+)\.")[1]))
    server.process.kill()
    wait_until(lambda: all(map(is_gone, pids[:2] + pids[4:])), "the shells and the job are gone")
    wait_until(lambda: all(map(is_gone, pids)), "what watched over them is gone")
    server.process.wait()
    server.process.stdout.close()


# ---- more than the other side takes ----


def who_reads_slowly_gets_all_and_costs_nothing():
    server = ShellServer()
    terminal = server.shell()
    terminal.learn_pid()
    before = resident(server.process)
    bound = (32 if server.is_sanitized() else 8) * MIB
    terminal.type("stty -echo; echo; echo begin; yes | head -c 50000000 | tr '\\n' z; printf end; exit\n")
    server.wait_until_it_reads_no_more()  # nobody has read anything yet
    check(server.octets_read() < 30 * MIB, "the server reads on for a client that does not")
    check(resident(server.process) - before < bound, f"memory grew by {(resident(server.process) - before) / MIB:.1f} MiB")
    terminal.expect("begin\r\n")
    total = len(terminal.output)
    for reads in itertools.count():
        _, opcode, payload = terminal.receive()
        if opcode == CLOSE:
            break
        total += len(payload)
        if reads % 1000 == 0:
            grown = resident(server.process) - before
            check(grown < bound, f"memory grew by {grown / MIB:.1f} MiB")
    check(payload == b"\x03\xe8shell exited with 0", f"the Close says {payload!r}")
    check(total == 50000000 + len("end"), f"{total} octets came")
    terminal.send(CLOSE, payload[:2])
    terminal.stream.expect_end()
    server.stop()


def output_waits_while_the_page_asks_for_it():
    server = ShellServer()
    terminal = server.shell()
    terminal.learn_pid()
    with tempfile.TemporaryDirectory() as place:
        done = os.path.join(place, "done")
        terminal.tell(type="pause")
        terminal.type(f"echo val=$((40 + 2)); : >{done}\n")
        wait_until(lambda: os.path.exists(done), "the command was run")
        terminal.send(PING, b"?")
        while (frame := terminal.receive())[1:] != (PONG, b"?"):
            check(b"val=42" not in frame[2], "output came during the pause")
        terminal.tell(type="resume")
        terminal.expect("val=42")
    terminal.leave()
    server.stop()


def fill(sock, piece, total):
    """Sends until `total` octets are gone, or nothing is taken for a while; the number that went."""
    sent = 0
    while sent < total and select.select([], [sock], [], 0.5)[1]:
        sent += sock.send(memoryview(piece)[sent % len(piece) :])
    return sent


def input_waits_until_the_program_reads():
    server = ShellServer()
    terminal = server.shell()
    terminal.learn_pid()
    piece = b"\x82\xfe\x40\x00\0\0\0\0" + b"i" * 0x4000  # 16 KiB, masked by zeros
    count = 2000
    with tempfile.TemporaryDirectory() as place:
        fifo = os.path.join(place, "fifo")
        os.mkfifo(fifo)
        terminal.type(f"stty raw -echo; echo rea''dy; cat {fifo}; head -c {0x4000 * count} | wc -c\n")
        terminal.expect("ready")
        before = resident(server.process)
        sent = fill(terminal.stream.sock, piece, len(piece) * count)
        check(sent < len(piece) * count, "the server takes input that nobody reads")
        grown = resident(server.process) - before
        check(grown < (32 if server.is_sanitized() else 8) * MIB, f"memory grew by {grown / MIB:.1f} MiB")
        with open(fifo, "wb"):
            pass
        sent %= len(piece) * count
        rest = memoryview(piece * (count - sent // len(piece)))[sent % len(piece) :]
        terminal.stream.send(rest)
        terminal.expect(rf"\b{0x4000 * count}\b")
    terminal.leave()
    server.stop()


def who_vanishes_unread_is_noticed():
    server = ShellServer()
    terminal = server.shell()
    pid = terminal.learn_pid()
    piece = b"\x82\xfe\x40\x00\0\0\0\0" + b"i" * 0x4000
    terminal.type("stty raw -echo; echo rea''dy; sleep 1000\n")
    terminal.expect("ready")
    fill(terminal.stream.sock, piece, len(piece) * 2000)
    terminal.stream.close()
    wait_until(lambda: is_gone(pid), "the shell is gone")
    server.stop()


run_cases(
    a_command_and_its_output,
    sessions_are_apart,
    the_size_follows_the_page,
    other_text_messages_end_the_session,
    the_end_of_the_shell_is_told,
    the_last_output_comes_before_the_end,
    no_shell_without_the_token,
    no_shell_for_other_pages,
    no_answer_under_other_names,
    other_machines_need_a_word,
    the_page_and_what_it_is_made_of,
    who_vanishes_leaves_nothing_behind,
    signals_end_the_sessions,
    a_killed_server_leaves_nothing_behind,
    who_reads_slowly_gets_all_and_costs_nothing,
    output_waits_while_the_page_asks_for_it,
    input_waits_until_the_program_reads,
    who_vanishes_unread_is_noticed,
)
