"use strict";

const $ = (id) => document.getElementById(id);

/* ---- the nickname, remembered ---- */

const NICK_KEY = "wsuv-chat-nick";

function randomNick() {
  const animals = ["Otter", "Heron", "Badger", "Lynx", "Wren", "Marten", "Toad", "Swift", "Hare", "Newt", "Crane", "Mole"];
  return `${animals[Math.floor(Math.random() * animals.length)]} ${Math.floor(Math.random() * 90) + 10}`;
}

/* Storage may be switched off; then the nickname lasts as long as the tab. */
function loadNick() {
  try {
    return localStorage.getItem(NICK_KEY) || "";
  } catch {
    return "";
  }
}

function saveNick(nick) {
  try {
    localStorage.setItem(NICK_KEY, nick);
  } catch { /* see above */ }
}

let wantedNick = loadNick() || randomNick();
saveNick(wantedNick);

/* ---- a connection that comes back by itself ---- */

const FIRST_DELAY = 500; /* ms */
const LONGEST_DELAY = 15000;
const OPENING_LIMIT = 8000;

/* on.state("connecting" | "online" | "offline", seconds to the next attempt), on.open(), on.message(object) */
class Connection {
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.socket = null;
    this.failures = 0;
    this.timer = 0;
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden)
        this.retryNow();
    });
  }

  open() {
    clearTimeout(this.timer);
    this.on.state("connecting", 0);
    const socket = this.socket = new WebSocket(this.url);
    this.timer = setTimeout(() => socket.close(), OPENING_LIMIT);
    socket.onopen = () => {
      clearTimeout(this.timer);
      this.on.open();
    };
    socket.onmessage = (event) => this.on.message(JSON.parse(event.data));
    socket.onclose = () => this.waitAndRetry();
  }

  /* The first message from the server proves that the connection is good. */
  isGood() {
    this.failures = 0;
    this.on.state("online", 0);
  }

  /* The delay doubles with every failure; chance takes off up to half of it, so that not all come at once. */
  waitAndRetry() {
    clearTimeout(this.timer);
    this.socket = null;
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.failures++);
    this.nextAttempt = Date.now() + longest * (1 - Math.random() / 2);
    this.countDown();
  }

  countDown() {
    const left = this.nextAttempt - Date.now();
    if (left <= 0) {
      this.open();
      return;
    }
    this.on.state("offline", Math.ceil(left / 1000));
    this.timer = setTimeout(() => this.countDown(), left % 1000 || 1000);
  }

  retryNow() {
    if (this.socket === null)
      this.open();
  }

  send(text) {
    if (this.socket === null || this.socket.readyState !== WebSocket.OPEN)
      return false;
    this.socket.send(text);
    return true;
  }
}

/* ---- what is shown ---- */

const SHOWN_MESSAGES = 500;
const SAME_SPEAKER = 2 * 60 * 1000; /* ms within which a message needs no new head */
const people = new Map(); /* id -> nick */
let me = 0; /* own id */
let lastSpeaker = { id: 0, time: 0 };

const list = $("messages");
let followsNewest = true; /* false while the user reads further up */

/* A hue for a name, the same in every tab. */
function hueOf(nick) {
  let hash = 7;
  for (const char of nick)
    hash = (hash * 31 + char.codePointAt(0)) % 3600;
  return hash / 10;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function isAtEnd() {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 40;
}

function showNewest() {
  list.scrollTop = list.scrollHeight;
  followsNewest = true;
  $("newest").hidden = true;
}

function append(node, follow) {
  list.append(node);
  while (list.children.length > SHOWN_MESSAGES)
    list.firstElementChild.remove();
  if (follow || followsNewest)
    showNewest();
  else
    $("newest").hidden = false;
}

function notice(text) {
  lastSpeaker = { id: 0, time: 0 };
  append(element("li", "notice", text), false);
}

function showMessage({ id, nick, text, time }) {
  const when = new Date(time);
  const node = element("li", "message", "");
  node.classList.toggle("mine", id === me);
  node.classList.toggle("goes-on", lastSpeaker.id === id && time - lastSpeaker.time < SAME_SPEAKER);
  lastSpeaker = { id, time };

  const head = element("div", "head", "");
  const who = element("span", "who", nick);
  who.style.setProperty("--hue", hueOf(nick));
  const clock = element("time", "", when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  clock.dateTime = when.toISOString();
  head.append(who, clock);
  node.append(head, element("p", "text", text));
  append(node, id === me);
}

function showPeople() {
  const rows = [...people].sort(([, a], [, b]) => a.localeCompare(b)).map(([id, nick]) => {
    const row = document.createElement("li");
    row.dataset.initial = [...nick][0].toUpperCase();
    row.style.setProperty("--hue", hueOf(nick));
    row.append(element("span", id === me ? "me" : "", nick));
    row.title = nick;
    return row;
  });
  $("people").replaceChildren(...rows);
  $("count").textContent = rows.length || "";
}

let wasOnline = false;

function showState(state, seconds) {
  const status = $("status");
  if (status.dataset.state !== state) { /* screen readers tell each change of the text */
    status.dataset.state = state;
    status.textContent = state;
  }
  $("countdown").textContent = state === "offline" ? `next try in ${seconds} s` : "";
  $("retry").hidden = state !== "offline";
  $("send").disabled = state !== "online";
  if (state === "offline" && wasOnline) {
    wasOnline = false;
    people.clear();
    showPeople();
    notice("The connection was lost.");
  }
}

/* ---- what the server says ---- */

const events = {
  welcome({ id, nick, people: here }) {
    me = id;
    people.clear();
    for (const person of here)
      people.set(person.id, person.nick);
    showPeople();
    wasOnline = true;
    connection.isGood();
    notice(nick === wantedNick ? `You are here as ${nick}.` : `${wantedNick} is taken, so you are here as ${nick}.`);
  },
  join({ id, nick }) {
    people.set(id, nick);
    showPeople();
    if (id !== me)
      notice(`${nick} joined`);
  },
  leave({ id, nick }) {
    people.delete(id);
    showPeople();
    notice(`${nick} left`);
  },
  rename({ id, nick }) {
    const before = people.get(id);
    people.set(id, nick);
    showPeople();
    if (nick !== before)
      notice(id === me ? `You are now ${nick}` : `${before} is now ${nick}`);
  },
  message: showMessage,
};

const url = new URL("chat", location.href);
url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
const connection = new Connection(url, {
  state: showState,
  open: () => connection.send(`N${wantedNick}`),
  message: (event) => events[event.type]?.(event),
});

/* ---- what the user does ---- */

const nickInput = $("nick");
const textInput = $("text");
nickInput.value = wantedNick;

function rename() {
  const nick = nickInput.value.trim();
  if (nick === "" || nick === wantedNick) {
    nickInput.value = wantedNick;
    return;
  }
  wantedNick = nick;
  saveNick(nick);
  connection.send(`N${nick}`);
}

$("rename").addEventListener("submit", (event) => {
  event.preventDefault();
  rename();
  textInput.focus();
});
nickInput.addEventListener("change", rename);

$("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textInput.value.trim();
  if (text !== "" && connection.send(`M${text}`))
    textInput.value = "";
  textInput.focus();
});

/* Enter sends, Shift+Enter begins a new line; Enter that ends a composition (as in Japanese) does neither. */
textInput.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("compose").requestSubmit();
  }
});

list.addEventListener("scroll", () => {
  followsNewest = isAtEnd();
  if (followsNewest)
    $("newest").hidden = true;
});
new ResizeObserver(() => {
  if (followsNewest)
    showNewest();
}).observe(list);
$("newest").addEventListener("click", showNewest);
$("retry").addEventListener("click", () => connection.retryNow());

textInput.focus();
connection.open();
