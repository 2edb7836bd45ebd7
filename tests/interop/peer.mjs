// What the two tests with node's ws share: the testees as processes, messages as promises, a runner of named checks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";

const PATIENCE = 1000 * Number(process.env.WSUV_TEST_PATIENCE ?? 30);

function skip(reason) {
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
    assert.match(line, /^listening on ws:\/\//);
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
