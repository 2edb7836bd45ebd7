"""Conformance cases of the opening handshake (RFC 6455 4), for each role its own.

A server case gets a Server and a raw connection to it; a client case gets the client's request and answers it.
"""

import base64

import wire
from testee import connect, one, parse_head, request, response
from wire import BINARY, CLOSE, PING, PONG, TEXT, Failure, Stream, Wire

SERVER_CASES = []  # (name, function(server, stream), flags)
CLIENT_CASES = []  # (name, function(stream, head) -> expectation, flags)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


# The server's side (4.2)


def server_case(name, *flags):
    def add(function):
        SERVER_CASES.append((name, function, flags))
        return function

    return add


def head_of(start=b"GET / HTTP/1.1", drop=(), add=(), **replace):
    """A request with some of its lines dropped, replaced or added."""
    fields = {
        "host": b"Host: 127.0.0.1",
        "upgrade": b"Upgrade: websocket",
        "connection": b"Connection: Upgrade",
        "key": b"Sec-WebSocket-Key: " + KEY,
        "version": b"Sec-WebSocket-Version: 13",
    }
    fields.update(replace)
    lines = [start, *(line for name, line in fields.items() if name not in drop), *add]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def accepted(stream):
    """The 101, judged; the connection must then work."""
    start, fields = parse_head(stream.take_head())
    if not start.startswith("HTTP/1.1 101 "):
        raise Failure(f"answered {start!r}")
    if one(fields, "upgrade").lower() != "websocket" or one(fields, "connection").lower() != "upgrade":
        raise Failure(f"Upgrade or Connection is wrong: {fields}")
    if one(fields, "sec-websocket-accept") != ACCEPT:
        raise Failure("wrong Sec-WebSocket-Accept")
    for name, value in fields:
        if name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            raise Failure(f"{name}: {value}, which was never agreed")
    link = Wire(stream.sock, True, stream.inbox)
    link.echo(TEXT, b"it works")
    link.finish()


def refused(stream, *statuses):
    """A whole HTTP answer with one of the statuses, then an orderly end."""
    start, fields = parse_head(stream.take_head())
    version, status = start.split(" ")[:2]
    if version != "HTTP/1.1" or int(status) not in statuses:
        raise Failure(f"expected status {statuses}, got {start!r}")
    if "close" not in one(fields, "connection").lower().replace(" ", "").split(","):
        raise Failure("no Connection: close")
    stream.take(int(one(fields, "content-length")))
    stream.expect_end()
    if int(status) == 426:
        one(fields, "upgrade")
        if one(fields, "sec-websocket-version") != "13":
            raise Failure("426 without Sec-WebSocket-Version: 13")
    if int(status) == 405:
        one(fields, "allow")


def refuses(name, data, *statuses):
    @server_case(name)
    def _(_server, stream):
        stream.send(data)
        refused(stream, *statuses)


def accepts(name, data):
    @server_case(name)
    def _(_server, stream):
        stream.send(data)
        accepted(stream)


accepts("proper", head_of())
accepts("names in capitals", head_of(upgrade=b"UPGRADE: websocket", key=b"SEC-WEBSOCKET-KEY: " + KEY))
accepts("values in another case", head_of(upgrade=b"Upgrade: WebSocket", connection=b"Connection: uPGRADE"))
accepts("Upgrade among other tokens", head_of(connection=b"Connection: keep-alive, Upgrade"))
accepts("Connection in two lines", head_of(add=[b"Connection: keep-alive"]))
accepts("websocket among other protocols", head_of(upgrade=b"Upgrade: h2c, websocket"))
accepts("another order", b"GET / HTTP/1.1\r\n" + b"\r\n".join(reversed(head_of()[16:-4].split(b"\r\n"))) + b"\r\n\r\n")
accepts("white space around values", head_of(key=b"Sec-WebSocket-Key: \t " + KEY + b" \t", version=b"Sec-WebSocket-Version:13"))
accepts("unknown fields", head_of(add=[b"X-Unknown: 1", b"Cookie: a=b; c=d", b"Origin: http://example.com"]))
accepts("absolute target", head_of(start=b"GET http://127.0.0.1/chat?x=1 HTTP/1.1"))
accepts("target with a query", head_of(start=b"GET /a/b%20c?d=e&f HTTP/1.1"))
accepts("permessage-deflate is offered and declined", head_of(add=[b"Sec-WebSocket-Extensions: permessage-deflate"]))
accepts(
    "several extensions are offered and declined",
    head_of(add=[b'Sec-WebSocket-Extensions: x-foo; a="b", permessage-deflate; client_max_window_bits', b"Sec-WebSocket-Extensions: x-bar"]),
)
accepts("a subprotocol is offered and not chosen", head_of(add=[b"Sec-WebSocket-Protocol: chat, superchat"]))
accepts("100 fields", head_of(add=[b"X-%d: y" % i for i in range(95)]))
accepts("15 KiB of fields", head_of(add=[b"X: " + b"y" * 15000]))

# Faults, each with the status that names it.
refuses("POST", head_of(start=b"POST / HTTP/1.1"), 405)
refuses("PUT", head_of(start=b"PUT / HTTP/1.1"), 405)
refuses("HEAD", head_of(start=b"HEAD / HTTP/1.1"), 405)
refuses("OPTIONS", head_of(start=b"OPTIONS / HTTP/1.1"), 405)
refuses("get in lower case", head_of(start=b"get / HTTP/1.1"), 400, 405, 501)
refuses("unknown method", head_of(start=b"FROB / HTTP/1.1"), 400, 405, 501)
refuses("HTTP/1.0", head_of(start=b"GET / HTTP/1.0"), 505)
refuses("HTTP/2.0", head_of(start=b"GET / HTTP/2.0"), 400, 505)
refuses("HTTP/0.9", b"GET /\r\n\r\n", 400, 505)
refuses("HTTP/1.x", head_of(start=b"GET / HTTP/1.x"), 400, 505)
refuses("no target", head_of(start=b"GET HTTP/1.1"), 400, 505)
refuses("an ordinary request for a page", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 426)
refuses("no Host", head_of(drop=["host"]), 400)
refuses("two Hosts", head_of(add=[b"Host: example.com"]), 400)
refuses("no Upgrade", head_of(drop=["upgrade"]), 400, 426)
refuses("Upgrade to something else", head_of(upgrade=b"Upgrade: h2c"), 400, 426)
refuses("Upgrade: websockets", head_of(upgrade=b"Upgrade: websockets"), 400, 426)
refuses("Upgrade is no token", head_of(upgrade=b"Upgrade: web socket"), 400, 426)
refuses("no Connection", head_of(drop=["connection"]), 400, 426)
refuses("Connection: keep-alive", head_of(connection=b"Connection: keep-alive"), 400, 426)
refuses("Connection: upgrades", head_of(connection=b"Connection: upgrades"), 400, 426)
refuses("no version", head_of(drop=["version"]), 400, 426)
for version in (b"12", b"8", b"0", b"14", b"255"):
    refuses(f"version {version.decode()}", head_of(version=b"Sec-WebSocket-Version: " + version), 426)
for version in (b"013", b"+13", b"13.0", b"0x0d", b"269", b"4294967309", b"", b"13 13", b"13, 13"):
    refuses(f"version {version.decode()!r}", head_of(version=b"Sec-WebSocket-Version: " + version), 400, 426)
refuses("two versions", head_of(add=[b"Sec-WebSocket-Version: 13"]), 400)
refuses("no key", head_of(drop=["key"]), 400)
refuses("two keys", head_of(add=[b"Sec-WebSocket-Key: " + KEY]), 400)
BAD_KEYS = {
    "empty": b"",
    "of 15 octets": base64.b64encode(b"x" * 15),
    "of 17 octets": base64.b64encode(b"x" * 17),
    "without padding": KEY[:-2],
    "in the wrong alphabet": b"dGhlIHNhbXBsZSBub25jZ-==",
    "with a space inside": b"dGhlIHNhbXBs ZSBub25jZQ==",
    "that goes on": KEY + b"A",
}
for name, key in BAD_KEYS.items():
    refuses(f"key {name}", head_of(key=b"Sec-WebSocket-Key: " + key), 400)
refuses("subprotocol is no token", head_of(add=[b"Sec-WebSocket-Protocol: a b"]), 400)
accepts("empty list of subprotocols", head_of(add=[b"Sec-WebSocket-Protocol: ,"]))
refuses("a body by Content-Length", head_of(add=[b"Content-Length: 5"]) + b"hello", 400)
refuses("a body in chunks", head_of(add=[b"Transfer-Encoding: chunked"]) + b"0\r\n\r\n", 400)
refuses("two lengths", head_of(add=[b"Content-Length: 0", b"Content-Length: 1"]), 400)
refuses("a length that is no number", head_of(add=[b"Content-Length: many"]), 400)
refuses("lines that end in LF only", head_of().replace(b"\r\n", b"\n"), 400)
refuses("a CR inside a value", head_of(add=[b"X-Bad: a\rb"]), 400)
refuses("a NUL inside a value", head_of(add=[b"X-Bad: a\0b"]), 400)
refuses("a folded line", head_of(add=[b"X-Bad: a\r\n b"]), 400)
refuses("a space before the colon", head_of(add=[b"X-Bad : a"]), 400)
refuses("a field without a name", head_of(add=[b": a"]), 400)
refuses("a field without a colon", head_of(add=[b"X-Bad"]), 400)
refuses("a name that is no token", head_of(add=[b"X(Bad): a"]), 400)
refuses("not HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 64, 400)
refuses("a WebSocket frame instead", wire.frame(TEXT, b"hello", b"abcd"), 400)
refuses("one value of 17 KiB", head_of(add=[b"X: " + b"y" * 17000]), 431)
refuses("one name of 17 KiB", head_of(add=[b"X" * 17000 + b": y"]), 431)
refuses("a target of 17 KiB", head_of(start=b"GET /" + b"y" * 17000 + b" HTTP/1.1"), 414, 431)
refuses("101 fields", head_of(add=[b"X-%d: y" % i for i in range(96)]), 431)
refuses("20,000 short fields", head_of(add=[b"X: y"] * 20000), 431)
refuses("1 MiB of fields", head_of(add=[b"X: " + b"y" * 1000] * 1000), 431)


@server_case("octet by octet")
def _(_server, stream):
    stream.send_in_pieces(head_of(), [1])
    accepted(stream)


@server_case("octet by octet, refused")
def _(_server, stream):
    stream.send_in_pieces(head_of(drop=["host"]), [1])
    refused(stream, 400)


@server_case("messages in the same segment as the request")
def _(_server, stream):
    frames = wire.frame(TEXT, b"early", b"abcd") + wire.frame(PING, b"too", b"wxyz") + wire.frame(BINARY, b"x" * 5000, b"1234")
    stream.send(head_of() + frames)
    stream.take_head()
    link = Wire(stream.sock, True, stream.inbox)
    link.expect(TEXT, b"early")
    link.expect(PONG, b"too")
    link.expect(BINARY, b"x" * 5000)
    link.finish()


@server_case("request and a message, cut anywhere")
def _(server, _stream):
    data = head_of() + wire.frame(TEXT, b"early", b"abcd")
    for cut in range(1, len(data)):
        link = Stream(connect(server.port))
        link.send_in_pieces(data, [cut, len(data)])
        link.take_head()
        link = Wire(link.sock, True, link.inbox)
        link.expect(TEXT, b"early")
        link.finish()


@server_case("request, message and Close in one segment")
def _(_server, stream):
    stream.send(head_of() + wire.frame(TEXT, b"early", b"abcd") + wire.frame(CLOSE, b"\x03\xe8", b"abcd"))
    stream.take_head()
    link = Wire(stream.sock, True, stream.inbox)
    link.expect(TEXT, b"early")
    link.expect_closed(1000, told=1000)


@server_case("a malformed frame in the same segment")
def _(_server, stream):
    stream.send(head_of() + wire.frame(3, b"bad", b"abcd"))
    stream.take_head()
    Wire(stream.sock, True, stream.inbox).expect_failed(1002)


@server_case("the client ends inside the head")
def _(_server, stream):
    stream.send(head_of()[:50])
    stream.shut()
    stream.fill(1 << 16)  # an answer is allowed, the end is required


@server_case("the client ends before it says anything")
def _(_server, stream):
    stream.shut()
    stream.fill(1 << 16)


@server_case("the client is silent until the deadline", "--handshake-timeout-ms", "200")
def _(_server, stream):
    stream.fill(1 << 16)


@server_case("the client is slower than the deadline allows", "--handshake-timeout-ms", "200")
def _(_server, stream):
    stream.send(head_of()[:-2])
    stream.fill(1 << 16)


@server_case("more connections than allowed are answered 503", "--max-connections", "3")
def _(server, stream):
    stream.close()
    links = []
    while len(links) < 3:  # the one that the runner opened may still count for a moment
        try:
            links.append(server.open())
        except Failure:
            pass
    extra = Stream(connect(server.port))
    extra.send(head_of())
    refused(extra, 503)
    extra.close()
    for link in links:
        link.echo(TEXT, b"still here")
        link.finish()
    accepted_later = server.open()
    accepted_later.finish()


# The client's side (4.1)


def client_case(name, *flags):
    def add(function):
        CLIENT_CASES.append((name, function, flags))
        return function

    return add


def judge_request(head, port, target="/"):
    """RFC 6455 4.1, the list of what a client's request must have."""
    start, fields = parse_head(head)
    if start != f"GET {target} HTTP/1.1":
        raise Failure(f"request line {start!r}")
    if one(fields, "host") != f"127.0.0.1:{port}":
        raise Failure(f"Host: {one(fields, 'host')}")
    if one(fields, "upgrade").lower() != "websocket":
        raise Failure("Upgrade is not websocket")
    if "upgrade" not in [token.strip().lower() for token in one(fields, "connection").split(",")]:
        raise Failure("Connection has no Upgrade")
    key = one(fields, "sec-websocket-key")
    if len(key) != 24 or len(base64.b64decode(key, validate=True)) != 16:
        raise Failure(f"key {key!r}")
    if one(fields, "sec-websocket-version") != "13":
        raise Failure("version is not 13")
    for name, _ in fields:
        if name in ("origin", "sec-websocket-protocol", "sec-websocket-extensions", "content-length"):
            raise Failure(f"{name} was not asked for")


def opens(name, build, *, pieces=None):
    """The response that `build` makes of the request's head is taken, and the connection works."""

    @client_case(name)
    def _(stream, head):
        data = build(head)
        stream.send_in_pieces(data, pieces or [len(data)])
        link = Wire(stream.sock, False)
        link.echo(TEXT, b"it works")
        link.finish()
        return "open", link.events, 1000


def rejects(name, build, *errors):
    """The response is refused: no OPEN, one of the errors, and the client ends the transport in an orderly way."""

    @client_case(name)
    def _(stream, head):
        data = build(head)
        stream.send(data)
        if data.startswith(b"HTTP/1.1 1") or b"Content-Length: " in data:
            stream.expect_end()
        else:
            stream.shut()
            stream.expect_end()
        return "error", errors, None


def changed(old, new):
    def build(head):
        data = response(head)
        if old not in data:
            raise ValueError(f"{old!r} is not in the response")
        return data.replace(old, new)

    return build


def without(name):
    return lambda head: b"\r\n".join(line for line in response(head).split(b"\r\n") if not line.startswith(name))


def with_fields(*fields):
    return lambda head: response(head, fields)


def accept_changed(change):
    def build(head):
        accept = wire.accept_of(one(parse_head(head)[1], "sec-websocket-key").encode())
        return response(head).replace(accept, change(accept))

    return build


opens("proper", response)
opens("octet by octet", response, pieces=[1])
opens("names and values in another case", lambda h: response(h).replace(b"Upgrade: websocket", b"UPGRADE: WebSocket"))
opens("Upgrade among other tokens", changed(b"Connection: Upgrade", b"Connection: keep-alive, upgrade"))
opens("another reason phrase", changed(b"Switching Protocols", b"Web Socket Protocol Handshake"))
opens("unknown fields", with_fields(b"Server: example", b"X-Foo: bar", b"Set-Cookie: a=b", b"Set-Cookie: c=d"))
opens("white space around Accept", accept_changed(lambda accept: b" \t" + accept + b"\t "))

for status in (b"200 OK", b"204 No Content", b"301 Moved", b"401 Unauthorized", b"404 Not Found", b"426 Upgrade Required", b"500 Oops", b"503 Busy"):
    rejects(
        f"status {status.decode()}",
        lambda h, s=status: b"HTTP/1.1 " + s + b"\r\nContent-Length: 0\r\n\r\n",
        "ESTATUS",
    )
rejects("status 404 with a body", lambda h: b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry", "ESTATUS")
rejects("status 200 with the fields of a 101", changed(b"101", b"200"), "ESTATUS")
rejects("status 1010", changed(b"101", b"1010"), "EHTTP", "ESTATUS")
rejects("HTTP/1.0", changed(b"HTTP/1.1", b"HTTP/1.0"), "EHTTPVERSION", "ESTATUS", "EHTTP")
rejects("not HTTP at all", lambda h: b"SSH-2.0-OpenSSH_9.2\r\n", "EHTTP")
rejects("a frame instead", lambda h: wire.frame(TEXT, b"hello"), "EHTTP")
rejects("a malformed field", with_fields(b"X Bad: y"), "EHTTP")
rejects("lines that end in LF only", lambda h: response(h).replace(b"\r\n", b"\n"), "EHTTP")
rejects("the transport ends inside the head", lambda h: b"HTTP/1", "EHTTP", "EABNORMAL", "EOF")
rejects("the transport ends at once", lambda h: b"", "EHTTP", "EABNORMAL", "EOF")
rejects("no Upgrade", without(b"Upgrade"), "EMISSING")
rejects("Upgrade to something else", changed(b"websocket", b"h2c"), "EHEADER")
rejects("Upgrade: websockets", changed(b"websocket", b"websockets"), "EHEADER")
rejects("no Connection", without(b"Connection"), "EMISSING")
rejects("Connection: keep-alive", changed(b"Connection: Upgrade", b"Connection: keep-alive"), "EHEADER", "ETOKEN")
rejects("Connection: notupgrade", changed(b"Connection: Upgrade", b"Connection: notupgrade"), "EHEADER", "ETOKEN")
rejects("no Accept", without(b"Sec-WebSocket-Accept"), "EMISSING")
rejects("empty Accept", accept_changed(lambda accept: b""), "EACCEPT", "EMISSING")
rejects("Accept of another key", accept_changed(lambda accept: ACCEPT.encode()), "EACCEPT")
rejects("Accept cut short", accept_changed(lambda accept: accept[:-1]), "EACCEPT")
rejects("Accept that goes on", accept_changed(lambda accept: accept + b"="), "EACCEPT")
rejects("Accept in another case", accept_changed(lambda accept: accept.swapcase()), "EACCEPT")
rejects("Accept twice", lambda h: response(h, [b"Sec-WebSocket-Accept: " + ACCEPT.encode()]), "EDUPLICATE")
rejects("subprotocol that was not offered", with_fields(b"Sec-WebSocket-Protocol: chat"), "ESUBPROTOCOL")
rejects("subprotocol twice", with_fields(b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: a"), "EDUPLICATE", "ESUBPROTOCOL")
rejects("unknown extension", with_fields(b"Sec-WebSocket-Extensions: x-foo"), "EEXTENSION")
rejects("permessage-deflate was not offered", with_fields(b"Sec-WebSocket-Extensions: permessage-deflate"), "EEXTENSION")
rejects("extensions twice", with_fields(b"Sec-WebSocket-Extensions: a", b"Sec-WebSocket-Extensions: b"), "EDUPLICATE", "EEXTENSION")
rejects("one value of 17 KiB", with_fields(b"X: " + b"y" * 17000), "EHEADSIZE")
rejects("101 fields", with_fields(*[b"X-%d: y" % i for i in range(98)]), "EHEADSIZE")
rejects("1 MiB of fields", with_fields(*[b"X: " + b"y" * 1000] * 1000), "EHEADSIZE")


@client_case("the server is silent until the deadline", "--handshake-timeout-ms", "200")
def _(stream, _head):
    stream.expect_end()
    return "error", ("ETIMEDOUT",), None


@client_case("the server is slower than the deadline allows", "--handshake-timeout-ms", "200")
def _(stream, head):
    stream.send(response(head)[:-1])
    stream.expect_end()
    return "error", ("ETIMEDOUT",), None


LEFTOVER = wire.frame(TEXT, b"early") + wire.frame(PING, b"too") + wire.frame(BINARY, b"x" * 200)


def leftover_case(name, cut_of):
    @client_case(name)
    def _(stream, head):
        data = response(head) + LEFTOVER
        cut = cut_of(data)
        stream.send_in_pieces(data, [cut, len(data)] if cut else [len(data)])
        link = Wire(stream.sock, False)
        link.expect(TEXT, b"early")
        link.expect(PONG, b"too")
        link.expect(BINARY, b"x" * 200)
        link.finish()
        return "open", link.events, 1000


leftover_case("messages in the same segment as the 101", lambda data: 0)
for back in (*range(1, 24), *range(24, len(LEFTOVER), 31)):
    leftover_case(f"messages behind the 101, cut {back} octets before the end", lambda data, b=back: len(data) - b)
for offset in range(-6, 20):
    leftover_case(
        f"messages behind the 101, cut {offset:+} from the end of the head",
        lambda data, o=offset: data.index(b"\r\n\r\n") + 4 + o,
    )


@client_case("a Close in the same segment as the 101")
def _(stream, head):
    stream.send(response(head) + wire.frame(CLOSE, b"\x0f\xa0bye"))
    link = Wire(stream.sock, False)
    link.expect_closed(4000, told=4000)
    return "open", [], 4000


@client_case("a malformed frame in the same segment as the 101")
def _(stream, head):
    stream.send(response(head) + wire.frame(7, b"bad"))
    Wire(stream.sock, False).expect_failed(1002)
    return "failed", [], 1006


@client_case("the client closes when told to")
def _(stream, head):
    stream.send(response(head))
    link = Wire(stream.sock, False)
    link.echo(TEXT, b"first")
    link.send(link.frame(TEXT, b"please close"))
    link.expect_close_request(1000)
    return "open", [*link.events, "MESSAGE text 12"], 1000


@client_case("the client does not wait for ever for our Close", "--close-timeout-ms", "200")
def _(stream, head):
    stream.send(response(head))
    link = Wire(stream.sock, False)
    link.send(link.frame(TEXT, b"please close"))
    link._receive_close([1000])
    link.expect_end()
    return "failed", ["MESSAGE text 12"], 1006


@client_case("the client does not wait for ever for our end", "--close-timeout-ms", "200")
def _(stream, head):
    stream.send(response(head))
    link = Wire(stream.sock, False)
    link.send(link.frame(CLOSE, b"\x03\xe8"))
    link._receive_close([1000])
    link.expect_end()
    return "open", [], 1000
