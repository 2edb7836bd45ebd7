// node's ws as the client of wsuv-testee-server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { CLOSES, Inbox, TesteeServer, bytesOf, exerciseEcho, loadWs, run, within } from "./peer.mjs";

const WebSocket = loadWs();

async function open(server, options = {}) {
  const ws = new WebSocket(server.url, options);
  const inbox = new Inbox(ws);
  await within(once(ws, "open"), "the opening handshake");
  return { ws, inbox };
}

const server = await TesteeServer.start();
const tests = [];

for (const perMessageDeflate of [false, true]) {
  tests.push([`echo, perMessageDeflate ${perMessageDeflate ? "offered" : "off"}`, async () => {
    const { ws, inbox } = await open(server, { perMessageDeflate });
    assert.equal(ws.extensions, "", "extensions agreed");
    assert.equal(ws.protocol, "", "subprotocol agreed");
    await exerciseEcho(ws, inbox);
    ws.close(1000);
    await inbox.expectClose(1000);
  }]);
}

for (const [code, reason] of CLOSES) {
  tests.push([`we close with ${code} ${reason.slice(0, 20)}`, async () => {
    const { ws, inbox } = await open(server);
    ws.close(code, reason);
    await inbox.expectClose(code);
    assert.equal(inbox.error, undefined);
  }]);
}

tests.push(["we close without a code", async () => {
  const { ws, inbox } = await open(server);
  ws.close();
  const { kind, code } = await inbox.next();
  assert.equal(kind, "close");
  assert.ok(code === 1005 || code === 1000, `code ${code}`);
}]);

tests.push(["a subprotocol is offered and none is chosen", async () => {
  const ws = new WebSocket(server.url, ["chat", "superchat"]);
  const [error] = await within(once(ws, "error"), "ws to miss the subprotocol");
  assert.match(error.message, /no subprotocol/);
}]);

tests.push(["10 connections with 100 messages in flight each", async () => {
  const links = await Promise.all(Array.from({ length: 10 }, () => open(server)));
  for (const { ws } of links)
    for (let i = 0; i < 100; i++)
      ws.send(bytesOf(1000 + i));
  await Promise.all(links.map(async ({ ws, inbox }) => {
    for (let i = 0; i < 100; i++)
      await inbox.expect("binary", bytesOf(1000 + i));
    ws.close();
    await inbox.next();
  }));
}]);

tests.push(["we vanish while sending", async () => {
  for (let i = 0; i < 10; i++) {
    const { ws, inbox } = await open(server);
    for (let j = 0; j < 4; j++)
      ws.send(bytesOf(8 << 20), () => {});
    ws.terminate();
    await inbox.expectClose(1006);
  }
  const { ws, inbox } = await open(server);
  ws.send("still there?");
  await inbox.expect("text", "still there?");
  ws.close(1000);
  await inbox.expectClose(1000);
}]);

tests.push(["one octet over the limit is answered by 1009", async () => {
  const small = await TesteeServer.start("--max-message", "1000");
  const { ws, inbox } = await open(small);
  ws.send(bytesOf(1000));
  await inbox.expect("binary", bytesOf(1000));
  ws.send(bytesOf(1001));
  await inbox.expectClose(1009);
  await small.stop();
}]);

tests.push(["the server pings, and gives up without pongs", async () => {
  const eager = await TesteeServer.start("--ping-interval-ms", "100", "--max-pings", "3");
  const { ws, inbox } = await open(eager);
  for (let i = 0; i < 10; i++)
    assert.equal((await inbox.next()).kind, "ping");
  ws.send("alive");
  while ((await inbox.next()).kind !== "text");
  const mute = await open(eager, { autoPong: false });
  let npings = 0;
  let item;
  while ((item = await mute.inbox.next()).kind === "ping")
    npings++;
  assert.equal(item.kind, "close");
  assert.equal(npings, 3);
  ws.close(1000);
  while ((await inbox.next()).kind !== "close");
  await eager.stop();
}]);

tests.push(["SIGTERM closes with 1001", async () => {
  const { ws, inbox } = await open(server);
  ws.send("before");
  await inbox.expect("text", "before");
  const stopped = server.stop();
  await inbox.expectClose(1001);
  await stopped;
}]);

await run(tests);
