// The page of the sample 18_pubsub in headless Chromium: live topics with sparklines, presence that follows two tabs coming and
// going, publishing from one to the other, and both coming back by themselves after the server was restarted.
//
// usage: node test_pubsub_page.mjs [--pubsub PROGRAM] [--modules DIR] [--screenshots DIR]
//
//   --pubsub       the built sample 18_pubsub         [$WSUV_BIN_DIR/../samples/18_pubsub]
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
  options: { pubsub: { type: "string" }, modules: { type: "string" }, screenshots: { type: "string" } },
});
const program = options.pubsub ?? path.join(env.WSUV_BIN_DIR ?? "bin", "..", "samples", "18_pubsub");
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
    server.process = spawn(program, ["--port", String(port), "--interval-ms", "50"], { stdio: ["ignore", "pipe", "inherit"] });
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

// The status of a request to connect.
function connectStatus(url, headers) {
  return new Promise((resolve, reject) => {
    http.request(url, {
      headers: {
        Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers,
      }, agent: false,
    }).on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    }).on("response", (response) => resolve(response.statusCode)).on("error", reject).end();
  });
}

// ---- a tab ----

class Tab {
  static async open(browser, origin) {
    const tab = new Tab();
    tab.context = await browser.newContext({ colorScheme: "light", viewport: { width: 1000, height: 680 } });
    tab.page = await tab.context.newPage();
    tab.page.setDefaultTimeout(PATIENCE);
    tab.errors = [];
    tab.page.on("pageerror", (error) => tab.errors.push(error.message));
    tab.page.on("console", (message) => {
      if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION/.test(message.text()))
        tab.errors.push(message.text());
    });
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

  // In the card of the topic and, where it is listed, in the list.
  subscribers(what, topic, n) {
    return this.sees(what, ([name, count]) => {
      const text = count === 1 ? "1 subscriber" : `${count} subscribers`;
      const card = document.querySelector(`.card[data-topic="${name}"] .count`);
      const row = document.querySelector(`#topics [data-topic="${name}"] .count`);
      return row?.textContent === String(count) && (card === null || card.textContent === text);
    }, [topic, n]);
  }

  value(what, topic, value) {
    return this.sees(what, ([name, text]) => document.querySelector(`.card[data-topic="${name}"] .value`)?.textContent === text,
      [topic, value]);
  }

  text(what, topic, text) {
    return this.sees(what, ([name, wanted]) => document.querySelector(`.card[data-topic="${name}"] .texts li`)?.textContent === wanted,
      [topic, text]);
  }

  result(what, text) {
    return this.sees(what, (wanted) => document.getElementById("result").textContent === wanted, text);
  }

  async publish(topic, text) {
    await this.page.fill("#topic", topic);
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }
}

// ---- the story ----

async function live(a) {
  await a.sees("each of the server's own topics has a card", () =>
    ["clock", "connections", "messages", "dropped", "queued", "lag", "presence"].every((topic) => document.querySelector(`.card[data-topic="${topic}"]`)));
  await a.sees("the clock moves", () => {
    const clock = document.querySelector('.card[data-topic="clock"] .value').textContent;
    window.firstClock ??= clock;
    return clock !== "" && clock !== window.firstClock;
  });
  await a.sees("a sparkline grows", () =>
    document.querySelector('.card[data-topic="messages"] polyline')?.getAttribute("points").split(" ").length > 5);
  await a.sees("and is drawn", () => document.querySelector('.card[data-topic="messages"] svg').getBoundingClientRect().height > 10);
  await a.sees("messages are counted", () =>
    Number(document.querySelector('.card[data-topic="messages"] .value').textContent.replace(/\D/g, "")) > 0);
  await a.sees("what the loop and the queues do is shown, with its unit", () =>
    [["dropped", "messages"], ["queued", "octets"], ["lag", "ms"]].every(([topic, unit]) => {
      const card = document.querySelector(`.card[data-topic="${topic}"]`);
      return /^[\d,.]+$/.test(card.querySelector(".value").textContent) && card.querySelector(".unit").textContent === unit;
    }));
}

async function talk(a, b) {
  await a.publish("news", "Hello from the first tab");
  await b.text("the second tab sees what the first publishes", "news", "Hello from the first tab");
  await a.result("which is told how many got it", "news: to 2 subscribers");
  const nasty = "<b>&amp; \"quotes\" \\ \u{1F9A6} <script>alert(1)</script>";
  await b.publish("news", nasty);
  await a.text("markup, quotes and emoji arrive as they were written", "news", nasty);

  await a.page.fill("#name", "weather");
  await a.page.press("#name", "Enter");
  await b.subscribers("a new topic is listed in the other tab", "weather", 1);
  await b.publish("weather", "rain");
  await b.result("who publishes need not subscribe", "weather: to 1 subscriber");
  await a.text("the subscriber hears it", "weather", "rain");
  check(await b.page.locator('.card[data-topic="weather"]').count() === 0, "the other tab does not");
  await b.page.click('#topics [data-topic="weather"]');
  await a.subscribers("a click subscribes", "weather", 2);
  await b.page.click('.card[data-topic="weather"] .leave');
  await a.subscribers("and another one ends it", "weather", 1);

  await a.publish("clock", "half past nine");
  await a.result("the server's own topics are its own", "clock: this topic is the server's own");
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
    check(await connectStatus(`${server.origin}/topics`, { Origin: "http://elsewhere.example" }) === 403,
      "a page from elsewhere may not connect");
    check(await connectStatus(`${server.origin}/elsewhere`, {}) === 404, "the WebSocket is on /topics only");
    browser = await chromium.launch({ executablePath: chromiumPath, args: CHROMIUM_FLAGS, headless: true });

    const a = await Tab.open(browser, server.origin);
    await a.state("the first tab is online", "online");
    await a.value("it is the only connection", "connections", "1");
    await live(a);
    const b = await Tab.open(browser, server.origin);
    await b.state("the second tab is online", "online");
    await a.value("the first one sees it come", "connections", "2");
    await a.subscribers("and subscribe", "news", 2);
    await talk(a, b);

    if (options.screenshots) {
      mkdirSync(options.screenshots, { recursive: true });
      for (const colorScheme of ["light", "dark"]) {
        for (const [name, width, height] of [["wide", 1000, 680], ["phone", 375, 700]]) {
          await a.page.emulateMedia({ colorScheme });
          await a.page.setViewportSize({ width, height });
          await a.page.screenshot({ path: path.join(options.screenshots, `pubsub-${name}-${colorScheme}.png`) });
        }
      }
    }

    const c = await Tab.open(browser, server.origin);
    await a.subscribers("a third tab comes", "news", 3);
    await c.context.close();
    await a.subscribers("and is not counted once it is closed", "news", 2);

    await server.stop();
    await a.state("the first tab shows that it is offline", "offline");
    server = await Server.start(server.port);
    await a.state("it is online again by itself", "online");
    await a.subscribers("with what it subscribed to", "weather", 1);
    await b.state("the second tab, too", "online");
    await a.subscribers("with all of its own", "news", 2);
    await b.publish("news", "Still there?");
    await a.text("publications flow again", "news", "Still there?");
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
