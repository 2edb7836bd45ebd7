// permessage-deflate with headless Chromium as the client: what it offers is answered in every way that the testee can be told
// to, and messages of all sizes come back whole. A proxy between the two looks at the handshake and the frames.
//
// covers: CORE.8, D031, D032, D035, D041, D049, D054, PMD.3
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import {
  FrameTap, TesteeServer, answerOf, deflateElements, launchChromium, pool, realistic, run, wishesOf, within,
} from "./peer.mjs";

const BITS = ["off", 8, 9, 10, 11, 12, 13, 14, 15];
const SHORT = [0, 1, 64, 126, 1000];
const MEDIUM = [0, 1, 16, 63, 64, 125, 126, 1000, 65535, 65536];
const LARGE = [...MEDIUM, 1000000];
const LIMIT = [16 << 20];

// ---- between the two ----

// One direction: the head of the handshake, and the frames behind it.
class Direction {
  constructor(from, to) {
    this.head = Buffer.alloc(0);
    this.tap = new FrameTap();
    from.on("data", (chunk) => this.feed(chunk));
    from.on("error", () => to.destroy());
    from.pipe(to);
  }

  feed(chunk) {
    if (this.fields !== undefined)
      return this.tap.feed(chunk);
    this.head = Buffer.concat([this.head, chunk]);
    const end = this.head.indexOf("\r\n\r\n");
    if (end < 0)
      return undefined;
    this.fields = this.head.subarray(0, end).toString("latin1").split("\r\n");
    return this.tap.feed(this.head.subarray(end + 4));
  }

  extensions() {
    const field = this.fields.find((text) => /^sec-websocket-extensions:/i.test(text));
    return deflateElements(field?.replace(/^[^:]*:/, ""));
  }
}

// Takes one connection to the testee.
class Proxy {
  static async start(url) {
    const proxy = new Proxy();
    proxy.server = net.createServer((socket) => {
      const upstream = net.connect(new URL(url).port, "127.0.0.1");
      proxy.sent = new Direction(socket, upstream);
      proxy.received = new Direction(upstream, socket);
    });
    proxy.server.listen(0, "127.0.0.1");
    await within(once(proxy.server, "listening"), "the proxy");
    proxy.url = `ws://127.0.0.1:${proxy.server.address().port}/`;
    return proxy;
  }
}

// ---- in the page ----

// The page gets the material of the messages once, and makes them itself.
function prepare({ text, binary }) {
  const decode = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const corpus = { text: decode(text), binary: decode(binary) };

  const bytesOf = (kind, size) => {
    const source = corpus[kind];
    const data = new Uint8Array(size);
    for (let at = 0; at < size; at += source.length)
      data.set(source.subarray(0, size - at), at);
    return data;
  };

  const make = (kind, size) => {
    const data = bytesOf(kind, size);
    if (kind === "binary")
      return data;
    const string = new TextDecoder().decode(data, { stream: true }); // leaves out half a character at the end
    return string.padEnd(string.length + size - new TextEncoder().encode(string).length, ".");
  };

  const isSame = (sent, got) => {
    if (typeof sent === "string")
      return sent === got;
    const data = got instanceof ArrayBuffer ? new Uint8Array(got) : [];
    return data.length === sent.length && sent.every((octet, i) => octet === data[i]);
  };

  window.converse = (url, list) => new Promise((resolve, reject) => {
    const ws = new WebSocket(url);
    const waiting = list.map(([kind, size]) => make(kind, size));
    const messages = [...waiting];
    ws.binaryType = "arraybuffer";
    ws.onopen = () => messages.forEach((message) => ws.send(message));
    ws.onmessage = ({ data }) => {
      const sent = waiting.shift();
      if (!isSame(sent, data))
        reject(new Error(`${typeof sent} of ${sent.length} came back changed, ${waiting.length} to go`));
      if (waiting.length === 0)
        ws.close(1000);
    };
    ws.onclose = ({ code, wasClean }) => resolve({ extensions: ws.extensions, left: waiting.length, code, wasClean });
  });
}

// ---- one connection ----

// Each message twice, so that what is remembered of the first time matters.
function listMessages(sizes) {
  const list = sizes.flatMap((size) => [["text", size], ["binary", size]]);
  return sizes === LIMIT ? list : [...list, ...list];
}

// Both compress what is long enough, and the testee sends in the fragments it was told to.
function checkFrames(list, { sent, received }, wishes) {
  assert.equal(sent.tap.messages.length, list.length);
  assert.equal(received.tap.messages.length, list.length);
  list.forEach(([kind, size], i) => {
    for (const [whose, seen] of [["the browser's", sent.tap.messages[i]], ["the testee's", received.tap.messages[i]]]) {
      const what = `${whose} ${kind} of ${size} octets: ${JSON.stringify(seen)}`;
      assert.equal(seen.opcode, kind === "text" ? 1 : 2, what);
      assert.ok(size < 1000 || (seen.compressed && seen.octets < size), `${what} did not shrink`);
    }
    assert.equal(received.tap.messages[i].nframes, Math.max(1, Math.ceil(size / wishes.fragment)), "frames of the testee");
  });
}

async function converse(page, sizes, wishes) {
  const server = await TesteeServer.start(...wishes.args);
  const proxy = await Proxy.start(server.url);
  const list = listMessages(sizes);
  try {
    const outcome = await within(page.evaluate(([url, plan]) => window.converse(url, plan), [proxy.url, list]), "the page");
    const offer = { client_max_window_bits: true };
    const answer = answerOf(wishes, offer);
    assert.deepEqual(proxy.sent.extensions(), [offer], "what the browser offers");
    assert.deepEqual(proxy.received.extensions(), [answer], "what the testee answers");
    assert.deepEqual(deflateElements(outcome.extensions), [answer], "what the page sees");
    assert.deepEqual([outcome.left, outcome.code, outcome.wasClean], [0, 1000, true], "the end");
    checkFrames(list, proxy, wishes);
  } catch (error) {
    error.stack = `${wishes.args.join(" ")}: ${error.stack}`;
    throw error;
  }
  proxy.server.close();
  await server.stop();
}

// Every wish of a server; the windows' limits meet each other with longer messages.
function* listWishes() {
  for (const [i, deflateBits] of BITS.entries())
    for (const [j, inflateBits] of BITS.entries())
      for (const takeover of [0, 1, 2, 3]) {
        const isLong = takeover === (i + j) % 4;
        const flags = { deflateBits, inflateBits, deflateTakeover: takeover % 2 === 1, inflateTakeover: takeover > 1 };
        yield [wishesOf(j % 2 ? "shared" : "dedicated", flags), !isLong ? SHORT : i === j ? LARGE : MEDIUM];
      }
}

// ---- the tests ----

const browser = await launchChromium();
const page = await browser.newPage();
await page.evaluate(prepare, {
  text: realistic("text", 1 << 20).toString("base64"),
  binary: realistic("binary", 1 << 20).toString("base64"),
});
const everyWish = [...listWishes()];

await run([
  ...["shared", "dedicated"].flatMap((mode) => [
    [`${mode}: whole`, () => converse(page, LARGE, wishesOf(mode))],
    [`${mode}: in fragments of 1,000 octets`, () => converse(page, LARGE, wishesOf(mode, { fragment: 1000 }))],
  ]),
  ["shared: 16 MiB, whole", () => converse(page, LIMIT, wishesOf("shared"))],
  ["dedicated: 16 MiB in fragments", () => converse(page, LIMIT, wishesOf("dedicated", { fragment: 65536 }))],
  [`${everyWish.length} servers with wishes`, () => pool(everyWish, ([wishes, sizes]) => converse(page, sizes, wishes))],
  ["the browser ends", () => browser.close()],
]);
