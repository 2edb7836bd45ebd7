// The chat sample's page in headless Chromium: two tabs talk, compressed, see each other come and go, and come back by
// themselves after the server was restarted.
//
// usage: node test_chat_page.mjs [--chat PROGRAM] [--modules DIR] [--screenshots DIR]
//
//   --chat         the built sample 03_chat           [$WSUV_CHAT, or $WSUV_BIN_DIR/../samples/03_chat]
//   --modules      the node_modules with playwright-core  [$WSUV_INTEROP_DIR/node_modules]
//   --screenshots  also writes pictures of the page there: light and dark, wide and phone
//
// One line a check; exit status 0, 1, or 77 when the browser or playwright-core is absent.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import http from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const PATIENCE = 20000; // ms for any one condition
const CHROMIUM_FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

const env = process.env;
const { values: options } = parseArgs({
  options: { chat: { type: "string" }, modules: { type: "string" }, screenshots: { type: "string" } },
});
const program = options.chat ?? env.WSUV_CHAT ?? path.join(env.WSUV_BIN_DIR ?? "bin", "..", "samples", "03_chat");
const modules = options.modules ?? path.join(env.WSUV_INTEROP_DIR ?? ".", "node_modules");
const chromiumPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

function loadPlaywright() {
  try {
    return createRequire(path.resolve(modules, "..", "package.json"))("playwright-core");
  } catch (error) {
    return skip(`playwright-core is not in ${modules} (${error.code ?? error.message})`);
  }
}

let nchecks = 0;

function check(ok, what) {
  nchecks++;
  console.log(`${ok ? "ok" : "FAILED"}: ${what}`);
  if (!ok)
    throw new Error(what);
}

// ---- the server ----

class Server {
  static async start(port) {
    const server = new Server();
    server.process = spawn(program, ["--port", String(port)], { stdio: ["ignore", "pipe", "inherit"] });
    server.exited = once(server.process, "exit").then(([code, signal]) => signal ?? code);
    const line = await Promise.race([
      once(createInterface(server.process.stdout), "line").then(([text]) => text),
      server.exited.then((status) => Promise.reject(new Error(`${program} ended with ${status}`))),
    ]);
    server.port = Number(/^listening on ws:\/\/127\.0\.0\.1:(\d+)\/$/.exec(line)?.[1]);
    server.origin = `http://127.0.0.1:${server.port}`;
    check(server.port > 0, `the server says where it listens: ${line}`);
    return server;
  }

  async stop() {
    this.process.kill("SIGTERM");
    const status = await this.exited;
    check(status === 0, `the server ends by SIGTERM with status ${status}`);
  }
}

// status, headers and body of an ordinary HTTP request
function request(url, method = "GET", headers = {}) {
  return new Promise((resolve, reject) => {
    http.request(url, { method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => { body += chunk; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    }).on("error", reject).end();
  });
}

async function checkFiles(origin) {
  const page = await request(`${origin}/`);
  check(page.status === 200 && page.headers["content-type"].startsWith("text/html"), "GET / is the page");
  check(page.headers["cache-control"] === "no-cache", "the page is not kept by caches");
  check(page.headers["content-security-policy"].includes("default-src 'none'"), "the page has a content security policy");
  for (const [name, type] of [["chat.js", "text/javascript"], ["chat.css", "text/css"]]) {
    const file = await request(`${origin}/${name}`);
    check(file.status === 200 && file.headers["content-type"].startsWith(type), `GET /${name} is ${type}`);
  }
  const head = await request(`${origin}/`, "HEAD");
  check(head.status === 200 && head.body === "", "HEAD / has no body");
  check((await request(`${origin}/nothing`)).status === 404, "GET /nothing is 404");
  const post = await request(`${origin}/`, "DELETE");
  check(post.status === 405 && post.headers.allow === "GET, HEAD", "DELETE / is 405");
}

const upgrade = {
  Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

async function checkOrigin(origin) {
  const foreign = await request(`${origin}/chat`, "GET", { ...upgrade, Origin: "http://elsewhere.example" });
  check(foreign.status === 403, "a page from elsewhere may not connect");
  const astray = await request(`${origin}/elsewhere`, "GET", upgrade);
  check(astray.status === 404, "the WebSocket is on /chat only");
}

// What the server answers to a browser's offer; nothing if it was built without zlib.
function agreedExtensions(origin) {
  return new Promise((resolve, reject) => {
    http.request(`${origin}/chat`, {
      headers: { ...upgrade, "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" }, agent: false,
    }).on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.headers["sec-websocket-extensions"] ?? "");
    }).on("response", (response) => reject(new Error(`no upgrade but ${response.statusCode}`))).on("error", reject).end();
  });
}

// ---- a tab ----

class Tab {
  static async open(browser, origin, nick) {
    const tab = new Tab();
    tab.context = await browser.newContext({ colorScheme: "light", viewport: { width: 960, height: 640 } });
    tab.page = await tab.context.newPage();
    tab.page.setDefaultTimeout(PATIENCE);
    tab.errors = [];
    tab.page.on("pageerror", (error) => tab.errors.push(error.message));
    tab.page.on("console", (message) => {
      if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION/.test(message.text()))
        tab.errors.push(message.text());
    });
    await tab.page.addInitScript((name) => {
      window.WebSocket = class extends WebSocket {
        constructor(...args) {
          super(...args);
          window.lastSocket = this;
        }
      };
      if (!localStorage.getItem("wsuv-chat-nick"))
        localStorage.setItem("wsuv-chat-nick", name);
    }, nick);
    await tab.page.goto(`${origin}/`);
    return tab;
  }

  // Waits until the expression, evaluated in the page with the argument, is true.
  async sees(what, expression, argument) {
    const seen = await this.page.waitForFunction(expression, argument, { timeout: PATIENCE }).then(() => true, () => false);
    check(seen, what);
  }

  state(what, state) {
    return this.sees(what, (wanted) => document.getElementById("status").dataset.state === wanted, state);
  }

  people(what, names) {
    return this.sees(what, (wanted) => {
      const here = [...document.querySelectorAll("#people li")].map((row) => row.textContent);
      return JSON.stringify(here) === wanted;
    }, JSON.stringify(names));
  }

  message(what, nick, text, mine) {
    return this.sees(what, ([wantedNick, wantedText, wantedMine]) =>
      [...document.querySelectorAll("#messages .message")].some((row) =>
        row.querySelector(".who").textContent === wantedNick && row.querySelector(".text").textContent === wantedText &&
        row.classList.contains("mine") === wantedMine), [nick, text, mine]);
  }

  extensions(what, agreed) {
    return this.sees(what, (wanted) => window.lastSocket.extensions === wanted, agreed);
  }

  notice(what, text) {
    return this.sees(what, (wanted) =>
      [...document.querySelectorAll("#messages .notice")].some((row) => row.textContent === wanted), text);
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }
}

// ---- the story ----

async function screenshots(tab) {
  if (!options.screenshots)
    return;
  mkdirSync(options.screenshots, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, width, height] of [["wide", 1000, 680], ["phone", 375, 700]]) {
      await tab.page.emulateMedia({ colorScheme });
      await tab.page.setViewportSize({ width, height });
      await tab.sees(`the ${name} page follows the newest message`, () => {
        const list = document.getElementById("messages");
        return list.scrollHeight - list.scrollTop - list.clientHeight < 2;
      });
      await tab.page.screenshot({ path: path.join(options.screenshots, `chat-${name}-${colorScheme}.png`) });
    }
  }
}

async function talk(a, b) {
  await a.say("Hello from the first tab");
  await a.message("the first tab sees its own message as its own", "Ada", "Hello from the first tab", true);
  await b.message("the second tab sees it", "Ada", "Hello from the first tab", false);

  const nasty = "<b>&amp; \"quotes\" \\ back\nsecond line \u2028 \u{1F9A6} <script>alert(1)</script>";
  await b.say(nasty);
  await a.message("markup, quotes, newlines and emoji arrive as they were written", "Grace", nasty, false);
  const long = "x".repeat(4000);
  await b.say(long);
  await a.message("a message of 4000 characters arrives", "Grace", long, false);
}

async function rename(b, a) {
  await b.page.fill("#nick", "Grace Hopper");
  await b.page.press("#nick", "Enter");
  await a.notice("a new nickname is told", "Grace is now Grace Hopper");
  await a.people("and shown in the list", ["Ada", "Grace Hopper"]);
  await b.page.reload();
  await b.people("it is remembered when the page is loaded anew", ["Ada", "Grace Hopper"]);
  await a.notice("the reload was seen as leaving", "Grace Hopper left");
}

async function restart(server, a, b) {
  await server.stop();
  await a.state("the first tab shows that it is offline", "offline");
  await b.state("the second tab too", "offline");
  await a.sees("it tells when it tries again", () => /next try in \d+ s/.test(document.getElementById("countdown").textContent));
  await a.sees("and does not offer to send", () => document.getElementById("send").disabled);
  if (options.screenshots)
    await a.page.screenshot({ path: path.join(options.screenshots, "chat-offline.png") });

  const again = await Server.start(server.port);
  await a.state("the first tab is online again by itself", "online");
  await b.state("the second tab too", "online");
  await a.people("both are in the list", ["Ada", "Grace Hopper"]);
  await a.say("Still there?");
  await b.message("messages flow again", "Ada", "Still there?", false);
  return again;
}

async function main() {
  const { chromium } = loadPlaywright();
  if (!chromiumPath)
    skip("no Chromium in /usr/bin");
  if (!existsSync(program))
    skip(`${program} was not built`);

  let server = await Server.start(0);
  let browser;
  try {
    await checkFiles(server.origin);
    await checkOrigin(server.origin);
    const agreed = await agreedExtensions(server.origin);
    if (agreed === "")
      console.log("skipped: compression, which the server was built without");
    else
      check(agreed.startsWith("permessage-deflate; "), `the server compresses: ${agreed}`);
    browser = await chromium.launch({ executablePath: chromiumPath, args: CHROMIUM_FLAGS, headless: true });

    const a = await Tab.open(browser, server.origin, "Ada");
    await a.state("the first tab is online", "online");
    const b = await Tab.open(browser, server.origin, "Grace");
    await a.notice("the first tab sees the second one join", "Grace joined");
    await a.people("the first tab lists both", ["Ada", "Grace"]);
    await b.people("the second tab lists both", ["Ada", "Grace"]);
    for (const tab of [a, b])
      await tab.extensions("the browser agreed to that", agreed);
    await talk(a, b);
    await rename(b, a);
    const c = await Tab.open(browser, server.origin, "Ada");
    await c.people("a nickname that is taken gets a number", ["Ada", "Ada (2)", "Grace Hopper"]);
    await c.context.close();
    await a.notice("a closed tab is seen leaving", "Ada (2) left");
    await a.people("and is not listed any more", ["Ada", "Grace Hopper"]);
    server = await restart(server, a, b);
    await screenshots(a);
    for (const tab of [a, b])
      check(tab.errors.length === 0, `no error in the page ${tab.errors.join("; ")}`);
    await server.stop();
  } finally {
    await browser?.close();
    server.process.kill("SIGKILL");
  }
}

main().then(
  () => {
    console.log(`${nchecks} checks passed`);
    process.exit(0);
  },
  (error) => {
    console.log(`FAILED: ${error.stack}`);
    process.exit(1);
  },
);
