// What the two tests with node's ws share: the testees as processes, messages as promises, a runner of named checks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const PATIENCE = 1000 * Number(process.env.WSUV_TEST_PATIENCE ?? 30);

export function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

// The package ws out of WSUV_INTEROP_DIR/node_modules.
export function loadWs() {
  const folder = process.env.WSUV_INTEROP_DIR ?? ".";
  try {
    return createRequire(path.resolve(folder, "package.json"))("ws");
  } catch (error) {
    return skip(`the package ws is not in ${folder}/node_modules (${error.code ?? error.message})`);
  }
}

function find(name) {
  const program = path.resolve(process.env.WSUV_TESTEES ?? ".", name);
  try {
    accessSync(program, constants.X_OK);
  } catch {
    skip(`no ${program} (set WSUV_TESTEES)`);
  }
  return program;
}

// A promise that fails in time.
export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const testees = [];
process.on("exit", () => testees.forEach((testee) => testee.kill("SIGKILL")));

class Testee {
  constructor(name, args) {
    this.lines = [];
    this.process = spawn(find(name), args, { stdio: ["ignore", "pipe", "inherit"] });
    testees.push(this.process);
    const reader = createInterface({ input: this.process.stdout });
    reader.on("line", (line) => this.lines.push(line));
    this.firstLine = once(reader, "line").then(([line]) => line);
    this.firstLine.catch(() => {});
    this.end = Promise.all([once(this.process, "exit"), once(reader, "close")]).then(([[code, signal]]) => code ?? signal);
  }
}

export class TesteeServer extends Testee {
  static async start(...flags) {
    const server = new TesteeServer("wsuv-testee-server", ["--port", "0", ...flags]);
    const line = await within(server.firstLine, "the server's first line");
    assert.match(line, /^listening on wss?:\/\//);
    server.url = line.split(" ").at(-1);
    return server;
  }

  async stop() {
    this.process.kill("SIGTERM");
    assert.equal(await within(this.end, "the server's end"), 0, "the server's exit status");
  }
}

export class TesteeClient extends Testee {
  constructor(url, ...flags) {
    super("wsuv-testee-client", [...flags, url]);
  }

  // The exit status, and all lines but ERROR's text.
  async outcome() {
    const status = await within(this.end, "the client's end");
    return { status, lines: this.lines.map((line) => line.replace(/^(ERROR \S+):.*/, "$1")) };
  }
}

// Messages, pings, pongs and the close of a ws socket, to be awaited one by one; none is lost.
export class Inbox {
  constructor(ws) {
    this.ws = ws;
    this.items = [];
    this.waiting = [];
    ws.on("message", (data, isBinary) => this.put({ kind: isBinary ? "binary" : "text", data }));
    ws.on("ping", (data) => this.put({ kind: "ping", data }));
    ws.on("pong", (data) => this.put({ kind: "pong", data }));
    ws.on("close", (code, reason) => this.put({ kind: "close", code, reason: reason.toString() }));
    ws.on("error", (error) => {
      this.error = error;
    });
  }

  put(item) {
    const waiter = this.waiting.shift();
    if (waiter)
      waiter(item);
    else
      this.items.push(item);
  }

  next() {
    const item = this.items.shift();
    return item ? Promise.resolve(item) : within(new Promise((resolve) => this.waiting.push(resolve)), "an event");
  }

  async expect(kind, data) {
    const item = await this.next();
    assert.equal(item.kind, kind);
    assert.ok(Buffer.from(data).equals(item.data), `${kind} of ${item.data.length} octets differs from what was sent`);
  }

  async expectClose(code, reason) {
    const item = await this.next();
    assert.equal(item.kind, "close");
    assert.equal(item.code, code);
    if (reason !== undefined)
      assert.equal(item.reason, reason);
  }
}

const MIXED = "Zażółć gęślą jaźń, кот на крыше, 猫と犬, 🐈🐕 ";
const SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20];

export function textOf(size) {
  const unit = Buffer.from(MIXED);
  const whole = Math.floor(size / unit.length) * unit.length;
  return Buffer.concat([Buffer.alloc(whole, unit), Buffer.alloc(size - whole, ".")]);
}

export function bytesOf(size) {
  return Buffer.alloc(size, Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 7) & 255)));
}

// What both roles do on an open socket of ws, the testee echoing at the other end. Returns the client's event lines.
export async function exerciseEcho(ws, inbox) {
  const lines = [];
  const echo = async (kind, data, send) => {
    send();
    await inbox.expect(kind, data);
    lines.push(`MESSAGE ${kind} ${data.length}`);
  };
  for (const size of SIZES) {
    await echo("text", textOf(size), () => ws.send(textOf(size), { binary: false }));
    await echo("binary", bytesOf(size), () => ws.send(bytesOf(size)));
  }
  const message = textOf(1000);
  await echo("text", message, () => {
    for (let i = 0; i < 1000; i += 100)
      ws.send(message.subarray(i, i + 100), { binary: false, fin: i === 900 });
  });
  await echo("binary", Buffer.from("ab"), () => {
    ws.send(Buffer.from("a"), { fin: false });
    ws.send(Buffer.alloc(0), { fin: false });
    ws.send(Buffer.from("b"), { fin: false });
    ws.send(Buffer.alloc(0), { fin: true });
  });
  for (const size of [0, 1, 125]) {
    ws.ping(bytesOf(size));
    await inbox.expect("pong", bytesOf(size));
  }
  ws.send("first half, ", { fin: false });
  ws.ping("between");
  await inbox.expect("pong", "between");
  await echo("text", Buffer.from("first half, second half"), () => ws.send("second half", { fin: true }));
  ws.pong("unasked");
  for (let i = 0; i < 1000; i++)
    ws.send(`${i} `.padEnd(1024, "."));
  for (let i = 0; i < 1000; i++)
    await echo("text", Buffer.from(`${i} `.padEnd(1024, ".")), () => {});
  return lines;
}

export const CLOSES = [[1000, ""], [1000, "done"], [3000, "żegnaj 🐈"], [4999, "x".repeat(123)]];

// Runs [name, function] one after the other; the exit status is the verdict.
export async function run(tests) {
  let failed = 0;
  for (const [name, test] of tests) {
    const started = Date.now();
    try {
      await test();
      console.log(`ok ${name} (${Date.now() - started} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAILED ${name}: ${error.stack}`);
    }
  }
  console.log(`${tests.length} tests, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

// Headless Chromium, driven by playwright-core out of WSUV_INTEROP_DIR/node_modules.
export async function launchChromium(more = []) {
  const folder = process.env.WSUV_INTEROP_DIR ?? ".";
  const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!executablePath)
    skip("no Chromium in /usr/bin");
  let playwright;
  try {
    playwright = createRequire(path.resolve(folder, "package.json"))("playwright-core");
  } catch (error) {
    return skip(`playwright-core is not in ${folder}/node_modules (${error.code ?? error.message})`);
  }
  return playwright.chromium.launch({
    executablePath,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more,
    ],
    headless: true,
  });
}

// ---- compression ----

// The data frames that went by on a socket, told by their headers.
export class FrameTap {
  constructor() {
    this.messages = []; // {opcode, compressed, nframes, octets}
    this.head = [];
    this.left = 0; // of the payload that is going by
  }

  watch(socket) {
    socket.on("data", (chunk) => this.feed(chunk));
    return this;
  }

  feed(chunk) {
    for (let at = 0; at < chunk.length;) {
      if (this.left > 0) {
        const step = Math.min(this.left, chunk.length - at);
        this.left -= step;
        at += step;
        continue;
      }
      this.head.push(chunk[at++]);
      if (this.head.length === headerLength(this.head))
        this.endHeader();
    }
  }

  endHeader() {
    const [first, second, ...more] = this.head;
    const length = lengthOf(second & 127, more);
    this.left = length;
    this.head = [];
    const opcode = first & 15;
    if (opcode >= 8)
      return;
    if (opcode > 0)
      this.messages.push({ opcode, compressed: (first & 0x40) !== 0, nframes: 0, octets: 0 });
    const message = this.messages.at(-1);
    message.nframes++;
    message.octets += length;
  }
}

function headerLength([, second]) {
  if (second === undefined)
    return 2;
  return 2 + ({ 126: 2, 127: 8 }[second & 127] ?? 0) + (second & 128 ? 4 : 0);
}

function lengthOf(seven, more) {
  const field = { 126: 2, 127: 8 }[seven];
  return field ? more.slice(0, field).reduce((sum, octet) => sum * 256 + octet, 0) : seven;
}

// The elements of a Sec-WebSocket-Extensions field, all of them permessage-deflate: the parameters of each, in the order of
// their names; one without a value is true.
export function deflateElements(field) {
  return (field ?? "").split(",").filter(Boolean).map((element) => {
    const [token, ...params] = element.split(";").map((part) => part.trim());
    assert.equal(token, "permessage-deflate", field);
    return sorted(Object.fromEntries(params.map((param) => {
      const [name, value] = param.split("=");
      return [name, value === undefined ? true : Number(value.replaceAll('"', ""))];
    })));
  });
}

// Without what is absent, in the order of the names.
export function sorted(params) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// What the testee asks for: the flags that say so, beside the mode.
export function wishesOf(mode, flags = {}) {
  const shared = mode === "shared";
  const takes = (flag) => (flag === undefined ? !shared : flag);
  const bits = (flag, preset) => (flag === undefined ? preset : flag === "off" ? 0 : flag);
  return {
    deflateBits: bits(flags.deflateBits, shared ? 12 : 0),
    inflateBits: bits(flags.inflateBits, 0),
    deflateTakeover: takes(flags.deflateTakeover),
    inflateTakeover: takes(flags.inflateTakeover),
    args: [
      "--deflate", mode,
      ...(flags.deflateBits === undefined ? [] : ["--deflate-bits", flags.deflateBits]),
      ...(flags.inflateBits === undefined ? [] : ["--inflate-bits", flags.inflateBits]),
      ...(flags.deflateTakeover === undefined ? [] : ["--deflate-takeover", flags.deflateTakeover ? 1 : 0]),
      ...(flags.inflateTakeover === undefined ? [] : ["--inflate-takeover", flags.inflateTakeover ? 1 : 0]),
      ...(flags.fragment === undefined ? [] : ["--fragment", flags.fragment]),
    ].map(String),
    fragment: flags.fragment ?? Infinity,
  };
}

const least = (...bits) => Math.min(...bits.map((value) => (typeof value === "number" && value > 0 ? value : 15)));

// What our server must answer to an offer. The client's window is only spoken of if the client did.
export function answerOf(wishes, offer) {
  const hint = offer.client_max_window_bits;
  const isServerLimited = wishes.deflateBits || offer.server_max_window_bits;
  const isClientLimited = hint && (wishes.inflateBits || hint !== true);
  return sorted({
    server_no_context_takeover: !wishes.deflateTakeover || offer.server_no_context_takeover,
    client_no_context_takeover: !wishes.inflateTakeover || offer.client_no_context_takeover,
    server_max_window_bits: isServerLimited && least(wishes.deflateBits, offer.server_max_window_bits),
    client_max_window_bits: isClientLimited && least(wishes.inflateBits, hint),
  });
}

// What our client must offer.
export function offerOf(wishes) {
  return sorted({
    server_no_context_takeover: !wishes.inflateTakeover,
    client_no_context_takeover: !wishes.deflateTakeover,
    server_max_window_bits: wishes.inflateBits,
    client_max_window_bits: wishes.deflateBits || true,
  });
}

// The line that our client prints when a server has answered.
export function lineOf(wishes, answer) {
  const side = (bits, isWithout) => `${bits} ${isWithout ? "no takeover" : "takeover"}`;
  const ours = least(wishes.deflateBits, answer.client_max_window_bits);
  const deflate = side(ours, !wishes.deflateTakeover || answer.client_no_context_takeover);
  const inflate = side(least(answer.server_max_window_bits), answer.server_no_context_takeover);
  return `DEFLATE deflate ${deflate}, inflate ${inflate}`;
}

// A row of random numbers that is the same every time.
export function* randomNumbers(seed) {
  for (let x = seed; ;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield (x >>> 8) & 0xffff;
  }
}

const CORPUS = 1 << 20;
const TOPICS = ["weather", "kot", "łódź", "猫の手", "прогноз", "release", "naïve", "🦦"];

function makeText() {
  const numbers = randomNumbers(2463534242);
  const next = (n) => numbers.next().value % n;
  const rows = [];
  for (let size = 0; size < CORPUS; size += rows.at(-1).length)
    rows.push(Buffer.from(`${JSON.stringify({
      id: rows.length, user: `user${next(5000)}`, topic: TOPICS[next(TOPICS.length)], at: 1.7e12 + next(65536) * 977,
      position: { x: next(65536) / 256, y: next(65536) / 256 }, tags: [TOPICS[next(TOPICS.length)], `t${next(100)}`],
      isRead: next(2) === 1,
    })},\n`));
  return Buffer.concat(rows);
}

// Records of 32 octets, each of them behind 32 octets that are random.
function makeBinary() {
  const numbers = randomNumbers(88172645);
  const data = Buffer.alloc(CORPUS);
  for (let i = 0; i < CORPUS; i += 64) {
    for (let k = 0; k < 32; k++)
      data[i + k] = numbers.next().value;
    data.writeUInt32BE(i, i + 32);
    data.writeUInt32BE(numbers.next().value % 1000, i + 40);
    data.write("record", i + 48);
  }
  return data;
}

let corpus;

// A message as applications send them, of exactly `size` octets. Both compress to a part, and not to nothing.
export function realistic(kind, size) {
  corpus ??= { text: makeText(), binary: makeBinary() };
  const source = corpus[kind];
  const data = size <= source.length ? source.subarray(0, size) : Buffer.alloc(size, source);
  if (kind === "binary")
    return data;
  let whole = size; // no character in halves
  while (whole > 0 && (source[whole % source.length] & 0xc0) === 0x80)
    whole--;
  return whole === size ? data : Buffer.concat([data.subarray(0, whole), Buffer.alloc(size - whole, ".")]);
}

// Octets that no one can compress, others for each `number`.
export function randomOctets(size, number) {
  const numbers = randomNumbers(521288629 + 7919 * number);
  return Buffer.from(Array.from({ length: size }, () => numbers.next().value));
}

// Runs `work` on each item, some of them at a time; no more are begun when one has failed.
export async function pool(items, work, width = 4) {
  const rest = [...items].reverse();
  const worker = async () => {
    while (rest.length > 0) {
      const item = rest.pop();
      try {
        await work(item);
      } catch (error) {
        rest.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
