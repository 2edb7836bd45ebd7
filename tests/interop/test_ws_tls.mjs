// node's ws over TLS in both roles: https servers of node's for our client, wss:// of ours for its client.
//
// covers: W016, W018, W208, T001, T002, T006, T016, T017, T025
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { Inbox, TesteeClient, TesteeServer, exerciseEcho, loadWs, run, skip, within } from "./peer.mjs";

const WebSocket = loadWs();
const folder = process.env.WSUV_TEST_CERTS ?? ".";
if (!existsSync(path.join(folder, "ca.pem")))
  skip("no certificates (set WSUV_TEST_CERTS to tests/certs of the build)");
const file = (name) => path.join(folder, name);
const pem = (name) => readFileSync(file(name));
const identity = (name) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const VERSIONS = ["TLSv1.2", "TLSv1.3"];

// ---- ws as the client ----

const startServer = (...flags) =>
  TesteeServer.start("--tls-cert", file("server.pem"), "--tls-key", file("server.key"), ...flags);

const urlOf = (server, host) => `wss://${host}:${new URL(server.url).port}/`;

async function echoFromServer(server, options, host = "localhost") {
  const ws = new WebSocket(urlOf(server, host), { ca: pem("ca.pem"), ...options });
  const inbox = new Inbox(ws);
  await within(once(ws, "open"), "the opening handshake");
  const { version } = options;
  const socket = ws._socket;
  assert.equal(socket.authorized, true);
  if (version)
    assert.equal(socket.getProtocol(), version);
  await exerciseEcho(ws, inbox);
  ws.close(1000, "done");
  await inbox.expectClose(1000, "done");
  assert.equal(inbox.error, undefined);
}

async function isRefused(url, options, pattern) {
  const ws = new WebSocket(url, options);
  const [error] = await within(once(ws, "error"), "ws to be refused");
  assert.match(`${error.code} ${error.message}`, pattern);
}

// ---- ws as the server ----

// A server of node's and a client of ours; `play` gets the socket, its inbox and the request, and returns the lines that it
// expects of the client behind the one on TLS.
async function session(options, flags, play, ending = ["CLOSE 1000"], status = 0, host = "localhost") {
  const server = https.createServer({ ...identity("server"), ...options });
  const websockets = new WebSocket.Server({ server });
  server.listen(0, "127.0.0.1");
  await within(once(server, "listening"), "the server");
  try {
    const client = new TesteeClient(`wss://${host}:${server.address().port}/`, "--tls-ca", file("ca.pem"), ...flags);
    const [ws, request] = await within(once(websockets, "connection"), "the client");
    const lines = await play(ws, new Inbox(ws), request.socket);
    const outcome = await client.outcome();
    if (outcome.lines.includes("ERROR ECONNRESET")) // what an aborted transport looks like is up to the kernel
      outcome.lines[outcome.lines.indexOf("ERROR ECONNRESET")] = "ERROR ETRUNCATED";
    assert.match(outcome.lines.splice(1, 1)[0], /^TLS TLSv1\.[23] \S+$/);
    assert.deepEqual(outcome, { status, lines: ["OPEN", ...lines, ...ending] });
  } finally {
    websockets.close();
    server.close();
  }
}

// The client refuses the server, or is refused; no request arrives.
async function failure(options, flags, errors) {
  const server = https.createServer({ ...identity("server"), ...options });
  let nrequests = 0;
  server.on("request", () => nrequests++);
  server.on("upgrade", () => nrequests++);
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await within(once(server, "listening"), "the server");
  try {
    const client = new TesteeClient(`wss://localhost:${server.address().port}/`, ...flags);
    const { status, lines } = await client.outcome();
    assert.equal(status, 1);
    assert.equal(lines.length, 1, lines.join("; "));
    assert.ok(errors.includes(lines[0]), lines[0]);
    assert.equal(nrequests, 0);
  } finally {
    server.close();
  }
}

const CA = ["--tls-ca", file("ca.pem")];
const ALICE = ["--tls-cert", file("alice.pem"), "--tls-key", file("alice.key")];
const ASKS = { requestCert: true, rejectUnauthorized: true, ca: pem("ca.pem") };

const echo = async (ws, inbox) => {
  const lines = await exerciseEcho(ws, inbox);
  ws.close(1000);
  await inbox.expectClose(1000);
  return lines;
};

const server = await startServer();
const mutual = await startServer("--tls-client-ca", file("ca.pem"));

await run([
  ...VERSIONS.map((version) => [
    `our server: echo over ${version}`,
    () => echoFromServer(server, { version, minVersion: version, maxVersion: version }),
  ]),
  ["our server: by its address", () => echoFromServer(server, {}, "127.0.0.1")],
  ["our server: another authority", () =>
    isRefused(urlOf(server, "localhost"), { ca: pem("other_ca.pem") }, /UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|unable to/i)],
  ["our server: another name", () =>
    isRefused(urlOf(server, "localhost"), { ca: pem("ca.pem"), servername: "else.example" }, /ALTNAME/)],
  ["our server: ws:// on its port", () => isRefused(server.url.replace("wss:", "ws:"), {}, /400|ECONNRESET|hang up/)],
  ["our server: ALPN of HTTP/2 only", () =>
    isRefused(urlOf(server, "localhost"), { ca: pem("ca.pem"), ALPNProtocols: ["h2"] }, /no application protocol/i)],
  ["our server: alice", () => echoFromServer(mutual, identity("alice"))],
  ["our server: nobody", () => isRefused(urlOf(mutual, "localhost"), { ca: pem("ca.pem") }, /certificate required|ECONNRESET|hang up/i)],
  ["our server: mallory", () =>
    isRefused(urlOf(mutual, "localhost"), { ca: pem("ca.pem"), ...identity("mallory") }, /unknown ca|ECONNRESET|hang up/i)],
  ["our server: we vanish while sending", async () => {
    for (let i = 0; i < 10; i++) {
      const ws = new WebSocket(urlOf(server, "localhost"), { ca: pem("ca.pem") });
      const inbox = new Inbox(ws);
      await within(once(ws, "open"), "the opening handshake");
      ws.send(Buffer.alloc(8 << 20), () => {});
      ws.terminate();
      await inbox.expectClose(1006);
    }
  }],
  ["our servers end", async () => {
    await server.stop();
    await mutual.stop();
  }],

  ...VERSIONS.map((version) => [
    `our client: echo over ${version}`,
    () => session({ minVersion: version, maxVersion: version }, [], async (ws, inbox, socket) => {
      assert.equal(socket.getProtocol(), version);
      assert.equal(socket.servername, "localhost");
      return echo(ws, inbox);
    }),
  ]),
  ["our client: without a name it sends none", () =>
    session({}, [], async (ws, inbox, socket) => {
      assert.equal(socket.servername, false);
      return echo(ws, inbox);
    }, ["CLOSE 1000"], 0, "127.0.0.1")],
  ["our client: a name given", () =>
    session(identity("a"), ["--tls-name", "a.example"], async (ws, inbox, socket) => {
      assert.equal(socket.servername, "a.example");
      return echo(ws, inbox);
    })],
  ["our client: alice", () =>
    session(ASKS, ALICE, async (ws, inbox, socket) => {
      assert.equal(socket.authorized, true);
      assert.equal(socket.getPeerCertificate().subject.CN, "alice");
      return echo(ws, inbox);
    })],
  ["our client: we vanish", () =>
    session({}, [], async (ws) => {
      ws.terminate();
      return [];
    }, ["ERROR ETRUNCATED", "CLOSE 1006"], 1)],
  ["our client: another authority", () => failure(identity("other"), CA, ["ERROR ECERTAUTHORITY"])],
  ["our client: the system's authorities", () => failure({}, [], ["ERROR ECERTAUTHORITY"])],
  ["our client: another name", () => failure(identity("a"), CA, ["ERROR ECERTHOST"])],
  ["our client: expired", () => failure(identity("expired"), CA, ["ERROR ECERTEXPIRED"])],
  ["our client: TLS 1.1 at most", () =>
    failure({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }, CA, ["ERROR ETLSVERSION"])],
  ["our client: no certificate of ours", () => failure(ASKS, CA, ["ERROR ECERTREFUSED", "ERROR ETLS"])],
]);
