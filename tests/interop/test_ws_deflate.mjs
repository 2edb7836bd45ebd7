// permessage-deflate with node's ws in both roles: every combination of parameters that ws can be given, the answers to it, and
// messages of all sizes, in one frame and in several, from either side.
//
// covers: CORE.8, D014, D031, D032, D036, D041, D047, D049, D054, PMD.2, PMD.3, PMD.15
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  FrameTap, Inbox, TesteeClient, TesteeServer, answerOf, deflateElements, lineOf, loadWs, offerOf, pool, randomOctets,
  realistic, run, sorted, wishesOf, within,
} from "./peer.mjs";

const WebSocket = loadWs();
const { WebSocketServer } = WebSocket;

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];
const SHORT = [0, 1, 64, 126, 1000];
const MEDIUM = [0, 1, 16, 63, 64, 125, 126, 1000, 65535, 65536];
const LARGE = [...MEDIUM, 1000000];
const LIMIT = 16 << 20;

// ---- messages ----

// Messages in one frame, and then once more in fragments, so that what is remembered of the first time matters. Of the shortest
// not all are sent again, and the largest are listed by those who send them.
function listMessages(sizes) {
  if (sizes[0].data)
    return sizes;
  const again = sizes === SHORT ? SHORT.slice(-2) : sizes;
  const both = (size, isFragmented) => [message("text", size, isFragmented), message("binary", size, isFragmented)];
  return [...sizes.flatMap((size) => both(size, false)), ...again.flatMap((size) => both(size, true))];
}

function message(kind, size, isFragmented) {
  return { kind, data: realistic(kind, size), isFragmented };
}

function send(ws, { kind, data, isFragmented }) {
  const binary = kind === "binary";
  const step = isFragmented ? Math.min(65536, Math.ceil(data.length / 4) || 1) : data.length;
  let at = 0;
  for (; isFragmented && at + step < data.length; at += step)
    ws.send(data.subarray(at, at + step), { binary, fin: false });
  ws.send(data.subarray(at), { binary, fin: true });
}

// The testee compresses what is long enough, and sends in the fragments it was told to.
function checkFrames({ kind, data }, seen, wishes) {
  const what = `the echo of ${data.length} octets ${kind}: ${JSON.stringify(seen)}`;
  assert.equal(seen.opcode, kind === "text" ? 1 : 2, what);
  if (seen.compressed)
    assert.ok(seen.octets < data.length || wishes.deflateTakeover || wishes.fragment < Infinity, `${what} grew`);
  if (data.length >= 1000) {
    assert.ok(seen.compressed, `${what} is not compressed`);
    assert.ok(seen.octets < data.length, `${what} did not shrink`);
  }
  if (wishes.fragment === Infinity) {
    assert.equal(seen.nframes, 1, what);
    assert.ok(data.length >= (wishes.deflateTakeover ? 16 : 64) || !seen.compressed, `${what} is too short to be compressed`);
  } else {
    assert.equal(seen.nframes, Math.max(1, Math.ceil(data.length / wishes.fragment)), what);
  }
}

// Sends everything, and meanwhile checks what comes back. Returns the client's event lines.
async function exercise(link, sizes, wishes) {
  const { ws, inbox, socket, tap } = link;
  const messages = listMessages(sizes);
  messages.forEach((message) => send(ws, message));
  for (const message of messages)
    await inbox.expect(message.kind, message.data);
  assert.equal(tap.messages.length, messages.length);
  messages.forEach((message, i) => checkFrames(message, tap.messages[i], wishes));
  const total = messages.reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(socket.bytesWritten < total, `ws compressed: ${socket.bytesWritten} octets for ${total}`);
  return messages.map(({ kind, data }) => `MESSAGE ${kind} ${data.length}`);
}

async function closeInOrder(link) {
  link.ws.close(1000);
  await link.inbox.expectClose(1000);
  assert.equal(link.inbox.error, undefined);
}

// ---- parameters ----

// All combinations. Some of them, in which each two values meet, get longer messages: a limit of a window that is not kept does
// not show in a message shorter than it.
function* combinations(serverBits, clientBits) {
  for (const [i, serverMaxWindowBits] of serverBits.entries())
    for (const [j, clientMaxWindowBits] of clientBits.entries())
      for (const server of [0, 1])
        for (const client of [0, 1]) {
          const isLong = server === (i + j) % 2 && client === (i + (j >> 1)) % 2;
          const sizes = !isLong ? SHORT : (i * 3 + 1) % clientBits.length === j ? LARGE : MEDIUM;
          const takeover = { serverNoContextTakeover: server === 1, clientNoContextTakeover: client === 1 };
          yield { ...takeover, serverMaxWindowBits, clientMaxWindowBits, sizes };
        }
}

function name(combination, wishes) {
  const params = Object.entries(combination).filter(([key]) => key !== "sizes").map(([key, value]) => `${key} ${value}`);
  return `${params.join(", ")} with ${wishes.args.join(" ")}`;
}

// undefined is what lets ws do as the other side likes.
function optionsOf({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits }) {
  return {
    serverNoContextTakeover: serverNoContextTakeover || undefined,
    clientNoContextTakeover: clientNoContextTakeover || undefined,
    serverMaxWindowBits,
    clientMaxWindowBits,
    threshold: 0,
  };
}

async function explain(combination, wishes, work) {
  try {
    await work(wishes);
  } catch (error) {
    error.stack = `${name(combination, wishes)}: ${error.stack}`;
    throw error;
  }
}

// ---- ws as the client ----

async function open(server, perMessageDeflate) {
  const ws = new WebSocket(server.url, { perMessageDeflate });
  const link = { ws, inbox: new Inbox(ws), tap: new FrameTap() };
  ws.once("upgrade", (response) => {
    link.answer = deflateElements(response.headers["sec-websocket-extensions"]);
    link.socket = response.socket;
    link.tap.watch(link.socket);
  });
  await within(once(ws, "open"), "the opening handshake");
  assert.equal(ws.extensions, "permessage-deflate");
  return link;
}

// What ws offers: client_max_window_bits without a value if it was given none, nothing if it was given false.
function offerOfWs({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits }) {
  return sorted({
    server_no_context_takeover: serverNoContextTakeover,
    client_no_context_takeover: clientNoContextTakeover,
    server_max_window_bits: serverMaxWindowBits,
    client_max_window_bits: clientMaxWindowBits ?? true,
  });
}

function asClient(list, ...wishes) {
  return async () => {
    for (const wish of wishes)
      wish.server = await TesteeServer.start(...wish.args);
    await pool(list.entries(), ([i, combination]) => explain(combination, wishes[i % wishes.length], async (wish) => {
      const link = await open(wish.server, optionsOf(combination));
      assert.deepEqual(link.answer, [answerOf(wish, offerOfWs(combination))]);
      await exercise(link, combination.sizes, wish);
      await closeInOrder(link);
    }));
    for (const { server } of wishes)
      await server.stop();
  };
}

// ---- ws as the server ----

async function meet(perMessageDeflate, args) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate });
  const link = { server, tap: new FrameTap() };
  server.once("headers", (headers, request) => {
    const line = headers.find((text) => text.startsWith("Sec-WebSocket-Extensions: "));
    link.answer = deflateElements(line?.split(": ")[1]);
    link.offers = deflateElements(request.headers["sec-websocket-extensions"]);
  });
  await within(once(server, "listening"), "the server");
  link.client = new TesteeClient(`ws://127.0.0.1:${server.address().port}/`, ...args);
  const [ws, request] = await within(once(server, "connection"), "the client");
  Object.assign(link, { ws, inbox: new Inbox(ws), socket: request.socket });
  link.tap.watch(link.socket);
  return link;
}

// ws takes no offer with a window that is smaller than the one it was told, and answers 400 if there is no other.
function isTaken(offer, { serverMaxWindowBits = 0, clientMaxWindowBits = 0 }) {
  return bitsOf(offer.server_max_window_bits) >= serverMaxWindowBits &&
    bitsOf(offer.client_max_window_bits) >= clientMaxWindowBits;
}

// The client takes an answer for one to its first offer if it has what was asked of the server; its own window stays as small
// as it offered.
function isAnswerTo(offer, answer) {
  return (!offer.server_no_context_takeover || answer.server_no_context_takeover) &&
    (!offer.server_max_window_bits || answer.server_max_window_bits <= offer.server_max_window_bits);
}

const bitsOf = (bits) => (typeof bits === "number" ? bits : 15);

function asServer(list, ...wishes) {
  return () => pool(list.entries(), ([i, combination]) => explain(combination, wishes[i % wishes.length], async (wish) => {
    const first = offerOf(wish);
    const isTakenFirst = isTaken(first, combination);
    const link = await meet(optionsOf(combination), isTakenFirst ? wish.args : [...wish.args, "--deflate-fallback", "1"]);
    assert.deepEqual(link.offers, isTakenFirst ? [first] : [first, { client_max_window_bits: true }]);
    assert.equal(link.answer.length, 1);
    const [answer] = link.answer;
    const held = isAnswerTo(first, answer) ? wish : { ...wishesOf("dedicated"), fragment: wish.fragment };
    const lines = await exercise(link, combination.sizes, held);
    await closeInOrder(link);
    const wanted = ["OPEN", lineOf(held, answer), ...lines, "CLOSE 1000"];
    assert.deepEqual(await link.client.outcome(), { status: 0, lines: wanted });
    link.server.close();
  }));
}

// ---- message by message ----

// Whether ws compressed what it sends is told by the octets it takes; what the testee does is seen on the socket.
async function echoAlone({ ws, inbox, socket, tap }, data, options) {
  const before = socket.bytesWritten;
  ws.send(data, { binary: false, ...options });
  await inbox.expect(options.binary ? "binary" : "text", data);
  return { isSentCompressed: socket.bytesWritten - before < data.length, isEchoCompressed: tap.messages.at(-1).compressed };
}

async function choose(link) {
  const { ws, inbox } = link;
  const lines = [];
  const echo = async (data, options, wanted) => {
    assert.deepEqual(await echoAlone(link, data, options), { isSentCompressed: wanted[0], isEchoCompressed: wanted[1] });
    lines.push(`MESSAGE ${options.binary ? "binary" : "text"} ${data.length}`);
  };
  for (let i = 0; i < 10; i++) {
    const text = realistic("text", 1000 + i);
    await echo(text, { compress: true }, [true, true]);
    await echo(text, { compress: false }, [false, true]);
    await echo(randomOctets(4096, i), { compress: i % 2 === 0, binary: true }, [false, false]);
    for (const compress of [false, true]) {
      ws.send(text.subarray(0, 500), { binary: false, fin: false, compress });
      ws.ping("between");
      await inbox.expect("pong", "between");
      ws.send(text.subarray(500), { binary: false, compress });
      await inbox.expect("text", text);
      lines.push(`MESSAGE text ${text.length}`);
    }
  }
  return lines;
}

async function chooseAsClient(mode) {
  const server = await TesteeServer.start("--deflate", mode);
  const link = await open(server, { threshold: 0 });
  await choose(link);
  await closeInOrder(link);
  await server.stop();
}

async function chooseAsServer(mode) {
  const link = await meet({ threshold: 0 }, ["--deflate", mode]);
  const lines = await choose(link);
  await closeInOrder(link);
  const { status, lines: printed } = await link.client.outcome();
  assert.equal(status, 0);
  assert.deepEqual(printed.slice(2), [...lines, "CLOSE 1000"]);
  link.server.close();
}

// ---- the tests ----

const offers = [...combinations([undefined, ...BITS], [false, undefined, ...BITS])];
const answers = [...combinations([undefined, ...BITS], [undefined, ...BITS])];
const ofLimit = (...kinds) => kinds.map(([kind, isFragmented]) => ({ sizes: [message(kind, LIMIT, isFragmented)] }));

// Servers and clients that have wishes of their own, each with a share of the combinations.
const wishes = () => ["off", ...BITS].map((bits, i) => wishesOf(i % 3 === 0 ? "shared" : "dedicated", {
  deflateBits: bits,
  inflateBits: bits === "off" ? 11 : 23 - bits,
  deflateTakeover: i % 2 === 0,
  inflateTakeover: (i >> 1) % 2 === 0,
}));

const forLimit = () => [wishesOf("shared", { fragment: 65536 }), wishesOf("dedicated")];

const shared = [wishesOf("shared"), wishesOf("shared", { fragment: 1000 }), wishesOf("shared")];

// Every other combination meets one that asks for nothing.
const dedicated = () => [
  ...wishes().flatMap((wish, i) => [wishesOf("dedicated", i % 3 === 0 ? { fragment: 1000 } : {}), wish]), wishesOf("shared"),
];

await run([
  ["shared: ws as client", asClient(offers, ...shared)],
  ["dedicated: ws as client", asClient(offers, ...dedicated())],
  ["dedicated: ws as server", asServer(answers, ...dedicated())],
  ["16 MiB: ws as client", asClient(ofLimit(["text", false], ["binary", true]), ...forLimit())],
  ["16 MiB: ws as server", asServer(ofLimit(["text", true], ["binary", false]), ...forLimit())],
  ...["shared", "dedicated"].flatMap((mode) => [
    [`${mode}: ws as client, compression by choice`, () => chooseAsClient(mode)],
    [`${mode}: ws as server, compression by choice`, () => chooseAsServer(mode)],
  ]),
]);
