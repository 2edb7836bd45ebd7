// node's ws as the server of wsuv-testee-client.
import assert from "node:assert/strict";
import { once } from "node:events";
import { CLOSES, Inbox, TesteeClient, bytesOf, exerciseEcho, loadWs, run, within } from "./peer.mjs";

const { WebSocketServer } = loadWs();

// Starts a server and a client of it; `play` gets the socket and its inbox and returns the lines it expects of the client
// between OPEN and the rest, which `ending` lists.
function session(options, flags, play, ending, status) {
  return async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
    try {
      await within(once(server, "listening"), "the server");
      const client = new TesteeClient(`ws://127.0.0.1:${server.address().port}/chat?room=1`, ...flags);
      const [ws, request] = await within(once(server, "connection"), "the client");
      assert.equal(request.url, "/chat?room=1");
      assert.equal(request.headers["sec-websocket-extensions"], undefined);
      assert.equal(ws.extensions, "");
      const lines = await play(ws, new Inbox(ws));
      const outcome = await client.outcome();
      assert.deepEqual(outcome, { status, lines: ["OPEN", ...lines, ...ending] });
    } finally {
      server.close();
    }
  };
}

const tests = [];

for (const perMessageDeflate of [false, true]) {
  tests.push([
    `echo, perMessageDeflate ${perMessageDeflate ? "on" : "off"}`,
    session({ perMessageDeflate }, [], async (ws, inbox) => {
      const lines = await exerciseEcho(ws, inbox);
      ws.close(1000);
      await inbox.expectClose(1000);
      return lines;
    }, ["CLOSE 1000"], 0),
  ]);
}

for (const [code, reason] of CLOSES) {
  tests.push([
    `we close with ${code} ${reason.slice(0, 20)}`,
    session({}, [], async (ws, inbox) => {
      ws.close(code, reason);
      await inbox.expectClose(code);
      return [];
    }, [`CLOSE ${code}`], 0),
  ]);
}

tests.push([
  "we close without a code",
  session({}, [], async (ws, inbox) => {
    ws.close();
    await inbox.next();
    return [];
  }, ["CLOSE 1005"], 0),
]);

tests.push([
  "the client closes when told to",
  session({}, [], async (ws, inbox) => {
    ws.send("please close");
    await inbox.expectClose(1000);
    return ["MESSAGE text 12"];
  }, ["CLOSE 1000"], 0),
]);

tests.push([
  "we vanish while sending",
  session({}, [], async (ws, inbox) => {
    ws.send(bytesOf(1000));
    await inbox.expect("binary", bytesOf(1000));
    ws.send(bytesOf(8 << 20), { fin: false }, () => ws.terminate());
    await inbox.expectClose(1006);
    return ["MESSAGE binary 1000"];
  }, ["ERROR EABNORMAL", "CLOSE 1006"], 1),
]);

tests.push([
  "one octet over the limit is answered by 1009",
  session({}, ["--max-message", "1000"], async (ws, inbox) => {
    ws.send(bytesOf(1000));
    await inbox.expect("binary", bytesOf(1000));
    ws.send(bytesOf(1001));
    await inbox.expectClose(1009);
    return ["MESSAGE binary 1000"];
  }, ["ERROR EMSGSIZE", "CLOSE 1006"], 1),
]);

tests.push([
  "the client pings",
  session({}, ["--ping-interval-ms", "100"], async (ws, inbox) => {
    for (let i = 0; i < 5; i++)
      assert.equal((await inbox.next()).kind, "ping");
    ws.close(1000);
    while ((await inbox.next()).kind !== "close");
    return [];
  }, ["CLOSE 1000"], 0),
]);

tests.push([
  "the client gives up without pongs",
  session({ autoPong: false }, ["--ping-interval-ms", "100", "--max-pings", "2"], async (ws, inbox) => {
    assert.equal((await inbox.next()).kind, "ping");
    assert.equal((await inbox.next()).kind, "ping");
    assert.equal((await inbox.next()).kind, "close");
    return [];
  }, ["ERROR ETIMEDOUT", "CLOSE 1006"], 1),
]);

tests.push([
  "SIGTERM makes the client close with 1001",
  async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await within(once(server, "listening"), "the server");
    const client = new TesteeClient(`ws://127.0.0.1:${server.address().port}/`);
    const [ws] = await within(once(server, "connection"), "the client");
    const inbox = new Inbox(ws);
    ws.send("hello");
    await inbox.expect("text", "hello");
    client.process.kill("SIGTERM");
    await inbox.expectClose(1001);
    assert.deepEqual(await client.outcome(), { status: 0, lines: ["OPEN", "MESSAGE text 5", "CLOSE 1001"] });
    server.close();
  },
]);

tests.push([
  "we refuse with 401",
  async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, verifyClient: (_, done) => done(false, 401, "who?") });
    await within(once(server, "listening"), "the server");
    const client = new TesteeClient(`ws://127.0.0.1:${server.address().port}/`);
    assert.deepEqual(await client.outcome(), { status: 1, lines: ["ERROR ESTATUS"] });
    server.close();
  },
]);

tests.push([
  "nobody listens",
  async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await within(once(server, "listening"), "the server");
    const { port } = server.address();
    server.close();
    await within(once(server, "close"), "the server's end");
    const client = new TesteeClient(`ws://127.0.0.1:${port}/`);
    assert.deepEqual(await client.outcome(), { status: 1, lines: ["ERROR ECONNREFUSED"] });
  },
]);

await run(tests);
