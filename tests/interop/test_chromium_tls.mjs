// Headless Chromium on wss://: it trusts the key of our certificate and nothing else of it.
//
// covers: W208
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import https from "node:https";
import { once } from "node:events";
import path from "node:path";
import { TesteeServer, launchChromium, run, skip, within } from "./peer.mjs";

const folder = process.env.WSUV_TEST_CERTS ?? ".";
if (!existsSync(path.join(folder, "ca.pem")))
  skip("no certificates (set WSUV_TEST_CERTS to tests/certs of the build)");
const file = (name) => path.join(folder, name);
const pinOf = (name) => {
  const spki = new X509Certificate(readFileSync(file(name))).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
};

// In the page: messages of these sizes in both kinds, each of which must come back.
function converse([url, sizes]) {
  return new Promise((resolve) => {
    const ws = new WebSocket(url);
    const sent = sizes.flatMap((size) => ["ż🐈x".repeat(size), new Uint8Array(size).map((_, i) => i * 7)]);
    const waiting = [...sent];
    let nsame = 0;
    ws.binaryType = "arraybuffer";
    ws.onopen = () => sent.forEach((message) => ws.send(message));
    ws.onmessage = ({ data }) => {
      const wanted = waiting.shift();
      const got = typeof data === "string" ? data : new Uint8Array(data);
      nsame += typeof wanted === "string" ? got === wanted : got.length === wanted.length && wanted.every((octet, i) => octet === got[i]);
      if (waiting.length === 0)
        ws.close(1000, "done");
    };
    ws.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean, left: waiting.length, nsame, extensions: ws.extensions });
  });
}

const SIZES = [0, 1, 125, 126, 1000, 65535, 65536, 1 << 19];
const identity = (name) => ["--tls-cert", file(`${name}.pem`), "--tls-key", file(`${name}.key`)];

// A page on https, as pages that use wss:// are.
const site = https.createServer({ cert: readFileSync(file("server.pem")), key: readFileSync(file("server.key")) }, (_, response) => {
  response.setHeader("Content-Type", "text/html");
  response.end("<!doctype html><title>page</title>");
});
site.listen(0, "127.0.0.1");
await within(once(site, "listening"), "the page's server");

const browser = await launchChromium([`--ignore-certificate-errors-spki-list=${pinOf("server.pem")}`]);
const page = await browser.newPage();
await page.goto(`https://localhost:${site.address().port}/`);

async function echo(url, ...flags) {
  const server = await TesteeServer.start(...flags);
  const { port } = new URL(server.url);
  const outcome = await within(page.evaluate(converse, [url(port), SIZES]), "the page");
  await server.stop();
  return outcome;
}

const good = { code: 1000, reason: "done", wasClean: true, left: 0, nsame: 2 * SIZES.length };

await run([
  ["echo", async () => {
    assert.deepEqual(await echo((port) => `wss://localhost:${port}/`, ...identity("server")), { ...good, extensions: "" });
  }],
  ["echo, by the address", async () => {
    assert.deepEqual(await echo((port) => `wss://127.0.0.1:${port}/`, ...identity("server")), { ...good, extensions: "" });
  }],
  ["echo over TLS 1.3 only", async () => {
    const outcome = await echo((port) => `wss://localhost:${port}/`, "--tls-min", "1.3", ...identity("server"));
    assert.deepEqual(outcome, { ...good, extensions: "" });
  }],
  ["a certificate that it does not know", async () => {
    const { code, wasClean, left } = await echo((port) => `wss://localhost:${port}/`, ...identity("other"));
    assert.deepEqual({ code, wasClean, left }, { code: 1006, wasClean: false, left: 2 * SIZES.length });
  }],
  ["the browser ends", () => browser.close()],
]);
