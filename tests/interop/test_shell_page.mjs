// The shell sample's page in headless Chromium: a command and its output, the size, much output, the end, a new session.
//
// usage: node test_shell_page.mjs [--shell PROGRAM] [--modules DIR] [--screenshots DIR]
//
//   --shell        the built sample 10_shell_server   [$WSUV_BIN_DIR/../samples/10_shell_server]
//   --modules      the node_modules with playwright-core  [$WSUV_INTEROP_DIR/node_modules]
//   --screenshots  also writes pictures of the page there
//
// One line a check; exit status 0, 1, or 77 when the browser, playwright-core or xterm.js is absent.
//
// covers: DEM.3
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
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
  options: { shell: { type: "string" }, modules: { type: "string" }, screenshots: { type: "string" } },
});
const program = options.shell ?? path.join(env.WSUV_BIN_DIR ?? "bin", "..", "samples", "10_shell_server");
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

async function startServer() {
  const server = spawn(program, ["--port", "0", "--shell", "/bin/sh"], { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  server.stderr.on("data", (data) => { complaint += data; });
  const exited = once(server, "exit").then(([code, signal]) => signal ?? code);
  const line = await Promise.race([
    once(createInterface(server.stdout), "line").then(([text]) => text),
    exited.then((status) => {
      if (complaint.includes("installs xterm.js"))
        skip(complaint.trim());
      throw new Error(`${program} ended with ${status}: ${complaint}`);
    }),
  ]);
  const url = /^open (http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]+)$/.exec(line)?.[1];
  check(url !== undefined, "the server says which address to open");
  return { process: server, exited, url, host: new URL(url).host };
}

class Tab {
  static async open(browser, url) {
    const tab = new Tab();
    tab.context = await browser.newContext({ viewport: { width: 900, height: 600 } });
    tab.page = await tab.context.newPage();
    tab.page.setDefaultTimeout(PATIENCE);
    tab.errors = [];
    tab.page.on("pageerror", (error) => tab.errors.push(error.message));
    tab.page.on("console", (message) => {
      if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION/.test(message.text()))
        tab.errors.push(message.text());
    });
    await tab.page.goto(url);
    return tab;
  }

  // Waits until the expression, evaluated in the page with the argument, is true.
  async sees(what, expression, argument) {
    const seen = await this.page.waitForFunction(expression, argument, { timeout: PATIENCE }).then(() => true, () => false);
    check(seen, what);
  }

  // A line on the screen is exactly this.
  line(what, text) {
    return this.sees(what, (wanted) =>
      [...document.querySelectorAll(".xterm-rows > div")].some((row) => row.textContent.trimEnd() === wanted), text);
  }

  state(what, host, state) {
    return this.sees(what, ([place, wanted]) =>
      document.title.includes(place) && document.title.endsWith(` - ${wanted}`), [host, state]);
  }

  notice(what, text) {
    return this.sees(what, (wanted) => !document.getElementById("notice").hidden &&
      document.getElementById("what").textContent === wanted, text);
  }

  // What is typed before it would stand in front of it, and the output behind it.
  prompt() {
    return this.sees("the shell asks for a command", () =>
      [...document.querySelectorAll(".xterm-rows > div")].some((row) => /[#$]$/.test(row.textContent.trimEnd())));
  }

  async type(text) {
    await this.page.keyboard.type(text);
    await this.page.keyboard.press("Enter");
  }

  // The number of a line "NAME=ROWS COLS."
  async size(name) {
    await this.type(`echo ${name}=$(stty size).`);
    const handle = await this.page.waitForFunction((wanted) => {
      const rows = [...document.querySelectorAll(".xterm-rows > div")].map((row) => row.textContent);
      return rows.map((row) => new RegExp(`^${wanted}=(\\d+) (\\d+)\\.`).exec(row)).find((match) => match)?.slice(1).map(Number);
    }, name);
    return handle.jsonValue();
  }

  async picture(name) {
    if (!options.screenshots)
      return;
    mkdirSync(options.screenshots, { recursive: true });
    await this.page.screenshot({ path: path.join(options.screenshots, `shell-${name}.png`) });
  }
}

async function session(tab, host) {
  await tab.state("the title shows host and state", host, "connected");
  await tab.sees("the token is not in the address bar any more", () => location.search === "");
  await tab.prompt();
  await tab.type("echo answer=$((6*7))");
  await tab.line("a command's output is shown", "answer=42");
  await tab.type("printf '\\303\\274\\342\\202\\254\\n'");
  await tab.line("so is what is not ASCII", "\u00fc\u20ac");
  await tab.page.keyboard.insertText("echo typed=\u00fc");
  await tab.page.keyboard.press("Enter");
  await tab.line("and it can be typed", "typed=\u00fc");

  const [rows, cols] = await tab.size("first");
  check(rows > 10 && cols > 60, `the shell knows the page's size: ${cols} columns, ${rows} rows`);
  await tab.page.setViewportSize({ width: 600, height: 400 });
  await tab.sees("the terminal follows the window", (before) =>
    document.querySelectorAll(".xterm-rows > div").length < before, rows);
  const [fewerRows, fewerCols] = await tab.size("second");
  check(fewerRows < rows && fewerCols < cols, `so does the shell: ${fewerCols} columns, ${fewerRows} rows`);
  await tab.page.setViewportSize({ width: 900, height: 600 });
}

async function main() {
  const { chromium } = loadPlaywright();
  if (!chromiumPath)
    skip("no Chromium in /usr/bin");
  if (!existsSync(program))
    skip(`${program} was not built`);

  const server = await startServer();
  let browser;
  try {
    browser = await chromium.launch({ executablePath: chromiumPath, args: CHROMIUM_FLAGS, headless: true });
    const tab = await Tab.open(browser, server.url);
    await session(tab, server.host);
    await tab.type("clear; ls -la --color /; printf '\\033[1;32mgreen \\033[34mblue \\033[0mplain\\n'");
    await tab.line("colours are drawn, not shown", "green blue plain");
    await tab.picture("session");

    await tab.type("seq 1 400000; echo counted=$((1 + 1))");
    await tab.line("megabytes of output come through to their end", "counted=2");

    await tab.type("exit 3");
    await tab.notice("the end is told", "The shell exited with 3.");
    await tab.state("in the title, too", server.host, "ended");
    await tab.picture("ended");
    await tab.page.keyboard.press("Enter");
    await tab.state("Enter begins another session", server.host, "connected");
    await tab.prompt();
    await tab.type("echo again=$((40+2))");
    await tab.line("which works", "again=42");
    await tab.page.reload();
    await tab.state("a reload needs no token in the address", server.host, "connected");
    await tab.prompt();
    await tab.type("echo reloaded=$((1+1))");
    await tab.line("and has a shell", "reloaded=2");

    const stranger = await Tab.open(browser, `http://${server.host}/`);
    await stranger.notice("without a token the page says so", "This address has no token: open the one that the server printed.");
    await stranger.sees("and offers nothing", () => document.getElementById("again").hidden);
    const wrong = await Tab.open(browser, `http://${server.host}/?token=0`);
    await wrong.sees("a wrong token is refused and told", () => /token/.test(document.getElementById("what").textContent) &&
      document.title.endsWith(" - ended"));

    server.process.kill("SIGTERM");
    await tab.notice("the server's end is told", "The server stopped, and the shell with it.");
    check(await server.exited === 0, "the server ends by SIGTERM with status 0");
    check(tab.errors.length === 0, `no error in the page ${tab.errors.join("; ")}`);
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
