// The page of 10_shell_server.c: a terminal (xterm.js) whose octets go both ways in binary messages. Text messages tell
// the server the terminal's size, and to wait while the page has more to draw than it can.
"use strict";

const PIECE = 16 * 1024;        // octets of one input message; the server takes 64 KiB
const UNDRAWN_HIGH = 512 * 1024; // octets of output not drawn yet: from here on the server waits ...
const UNDRAWN_LOW = 128 * 1024;  // ... until so few are left

const THEME = {
  background: "#15181c", foreground: "#e4e6e3", cursor: "#6cc3a4", cursorAccent: "#15181c",
  selectionBackground: "#3d5a50",
  black: "#2b3138", red: "#ef7f7f", green: "#7fcf9a", yellow: "#e0ab52",
  blue: "#7fb2ef", magenta: "#c79bea", cyan: "#6cc8cf", white: "#d5d8d4",
  brightBlack: "#89929c", brightRed: "#ff9c9c", brightGreen: "#9ce6b4", brightYellow: "#f2c878",
  brightBlue: "#a3c9fb", brightMagenta: "#dcb8f7", brightCyan: "#90e0e6", brightWhite: "#ffffff",
};

const notice = document.getElementById("notice");
const what = document.getElementById("what");
const again = document.getElementById("again");
const place = document.getElementById("terminal");

const term = new Terminal({
  theme: THEME, fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace', fontSize: 15,
  scrollback: 5000, cursorBlink: true, minimumContrastRatio: 4.5,
});
const fit = new FitAddon.FitAddon();
const encoder = new TextEncoder();

let socket = null;    // null while there is no session
let programTitle = ""; // what the shell calls its window

// ---- what is shown around the terminal ----

function showState(state) {
  document.documentElement.dataset.state = state;
  document.title = `${programTitle || "shell"} - ${location.host} - ${state}`;
}

function showNotice(kind, text) {
  notice.hidden = kind === "none";
  notice.dataset.kind = kind;
  what.textContent = text;
  again.hidden = kind === "none" || kind === "wait";
  if (!again.hidden)
    again.focus();
}

// ---- the token ----

// It moves from the address bar, where others may see it, to this tab's memory, which a reload keeps.
function takeToken() {
  const token = new URLSearchParams(location.search).get("token");
  if (token !== null) {
    sessionStorage.setItem("wsuv-shell-token", token);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("wsuv-shell-token");
}

const token = takeToken();

// ---- the session ----

function tell(message) {
  if (socket?.readyState === WebSocket.OPEN)
    socket.send(JSON.stringify(message));
}

function tellSize() {
  tell({ type: "resize", cols: Math.min(term.cols, 1000), rows: Math.min(term.rows, 1000) });
}

function sendInput(octets) {
  if (socket?.readyState !== WebSocket.OPEN)
    return;
  for (let at = 0; at < octets.length; at += PIECE)
    socket.send(octets.subarray(at, at + PIECE));
}

function describeEnd(event, wasOpen) {
  if (event.code === 1000 && event.reason)
    return ["ended", `The ${event.reason}.`];
  if (event.code === 1001)
    return ["bad", "The server stopped, and the shell with it."];
  if (wasOpen)
    return ["bad", event.reason ? `The session ended: ${event.reason} (${event.code}).` : "The connection was lost."];
  return ["bad", "The server cannot be reached, or does not know this page's token: open the address that it printed."];
}

function connect() {
  const url = new URL("shell", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = `?token=${encodeURIComponent(token)}`;
  const mine = new WebSocket(url);
  let wasOpen = false, undrawn = 0, paused = false;
  socket = mine;
  mine.binaryType = "arraybuffer";
  programTitle = "";
  showState("connecting");
  showNotice("wait", `Connecting to ${location.host} ...`);

  mine.onopen = () => {
    wasOpen = true;
    term.reset();
    showState("connected");
    showNotice("none", "");
    fit.fit();
    tellSize();
    term.focus();
  };
  mine.onmessage = ({ data }) => {
    undrawn += data.byteLength;
    if (!paused && undrawn > UNDRAWN_HIGH) {
      paused = true;
      tell({ type: "pause" });
    }
    term.write(new Uint8Array(data), () => {
      undrawn -= data.byteLength;
      if (paused && undrawn <= UNDRAWN_LOW) {
        paused = false;
        tell({ type: "resume" });
      }
    });
  };
  mine.onclose = (event) => {
    socket = null;
    showState("ended");
    showNotice(...describeEnd(event, wasOpen));
  };
}

// ---- the terminal ----

// Copying with a selection, as terminals do; pasting with Ctrl+Shift+V is the browser's.
function onKey(event) {
  const copies = event.type === "keydown" && event.ctrlKey && event.shiftKey && event.code === "KeyC";
  if (!copies || !term.hasSelection())
    return true;
  event.preventDefault();
  navigator.clipboard?.writeText(term.getSelection());
  return false;
}

term.loadAddon(fit);
term.open(place);
term.attachCustomKeyEventHandler(onKey);
term.onData((text) => sendInput(encoder.encode(text)));
term.onBinary((text) => sendInput(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
term.onResize(tellSize);
term.onTitleChange((title) => {
  programTitle = title;
  if (socket !== null)
    showState("connected");
});
new ResizeObserver(() => fit.fit()).observe(place);
again.onclick = connect;

// Ctrl+W is "delete a word" in a shell, and "close the tab" in a browser.
addEventListener("beforeunload", (event) => {
  if (socket?.readyState === WebSocket.OPEN)
    event.preventDefault();
});

if (token === null) {
  showState("no token");
  showNotice("bad", "This address has no token: open the one that the server printed.");
  again.hidden = true;
} else {
  connect();
}
