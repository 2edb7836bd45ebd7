"use strict";

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text ?? "";
  return node;
}

/* ---- a card for each topic that is subscribed to ---- */

const UNITS = { connections: "open", messages: "sent a second", dropped: "messages", queued: "octets", lag: "ms", presence: "topics" };
const SHOWN_VALUES = 60;
const SHOWN_TEXTS = 6;
const SVG = "http://www.w3.org/2000/svg";

class Card {
  constructor(topic) {
    this.topic = topic;
    this.values = [];
    this.node = element("section", "card");
    this.node.dataset.topic = topic;
    this.count = element("span", "count");
    this.value = element("span", "value");
    this.texts = element("ol", "texts");
    this.line = document.createElementNS(SVG, "polyline");
    this.graph = document.createElementNS(SVG, "svg");
    this.graph.setAttribute("viewBox", `0 0 ${SHOWN_VALUES - 1} 1`);
    this.graph.setAttribute("preserveAspectRatio", "none");
    this.graph.setAttribute("aria-hidden", "true");
    this.graph.append(this.line);
    const leave = element("button", "leave", "×");
    leave.type = "button";
    leave.title = `Unsubscribe from ${topic}`;
    leave.addEventListener("click", () => unsubscribe(topic));
    const head = element("div", "head");
    head.append(element("h3", "", topic), this.count, leave);
    const reading = element("div", "reading");
    reading.append(this.value, element("span", "unit", UNITS[topic]));
    this.node.append(head, reading, this.texts);
  }

  /* Between the least and the greatest of the values shown. */
  draw() {
    const least = Math.min(...this.values);
    const range = Math.max(...this.values) - least || 1;
    const from = SHOWN_VALUES - this.values.length;
    this.line.setAttribute("points",
      this.values.map((value, i) => `${from + i},${(0.95 - 0.9 * (value - least) / range).toFixed(3)}`).join(" "));
  }

  showValue(value) {
    if (this.topic === "clock") {
      this.value.textContent = new Date(value).toLocaleTimeString();
      return;
    }
    this.value.textContent = value.toLocaleString();
    this.values.push(value);
    if (this.values.length > SHOWN_VALUES)
      this.values.shift();
    if (this.graph.parentNode === null)
      this.texts.before(this.graph);
    this.draw();
  }

  showText(text) {
    this.texts.prepend(element("li", "", text));
    if (this.texts.children.length > SHOWN_TEXTS)
      this.texts.lastElementChild.remove();
  }
}

/* ---- what is wanted, and what is there ---- */

const LIVE = ["clock", "connections", "messages", "dropped", "queued", "lag", "presence"];
const wanted = new Set([...LIVE, "news"]); /* asked for again after each reconnection */
const cards = new Map();
let presence = new Map(LIVE.map((topic) => [topic, 0]));

const rows = new Map(); /* changed in place, so that focus and clicks find them */

function addRow(topic) {
  const button = element("button", "");
  const count = element("span", "count");
  button.type = "button";
  button.dataset.topic = topic;
  button.append(element("span", "name", topic), count);
  button.addEventListener("click", () => (wanted.has(topic) ? unsubscribe(topic) : subscribe(topic)));
  const node = document.createElement("li");
  node.append(button);
  $("topics").append(node);
  rows.set(topic, { node, button, count });
}

function showTopics() {
  const names = new Set([...presence.keys(), ...wanted]);
  for (const topic of names)
    if (!rows.has(topic))
      addRow(topic);
  for (const [topic, { node, button, count }] of rows) {
    button.setAttribute("aria-pressed", wanted.has(topic));
    count.textContent = presence.get(topic) ?? 0;
    if (!names.has(topic)) {
      node.remove();
      rows.delete(topic);
    }
  }
  $("known").replaceChildren(...[...names].filter((topic) => !LIVE.includes(topic)).map((topic) => new Option(topic)));
  for (const [topic, card] of cards) {
    const n = presence.get(topic) ?? 0;
    card.count.textContent = n === 1 ? "1 subscriber" : `${n} subscribers`;
  }
}

function showResult(text, isBad) {
  $("result").textContent = text;
  $("result").toggleAttribute("data-bad", isBad);
}

const events = {
  subscribed({ topic }) {
    if (!cards.has(topic)) {
      cards.set(topic, new Card(topic));
      $("cards").append(cards.get(topic).node);
    }
    showTopics();
  },
  unsubscribed({ topic }) {
    cards.get(topic)?.node.remove();
    cards.delete(topic);
    showTopics();
  },
  value({ topic, value, topics }) {
    cards.get(topic)?.showValue(value);
    if (topics !== undefined) {
      presence = new Map(topics.map((one) => [one.topic, one.subscribers]));
      showTopics();
    }
  },
  message({ topic, text }) {
    cards.get(topic)?.showText(text);
  },
  published({ topic, sent, refused }) {
    const people = sent === 1 ? "1 subscriber" : `${sent} subscribers`;
    showResult(`${topic}: to ${people}${refused > 0 ? `, ${refused} too slow` : ""}`, false);
  },
  error({ topic, text }) {
    if (!cards.has(topic))
      wanted.delete(topic);
    showTopics();
    showResult(topic === "" ? text : `${topic}: ${text}`, true);
  },
};

/* ---- the connection, which comes back by itself ---- */

const LONGEST_DELAY = 10000; /* ms */
let socket = null;
let failures = 0;

function send(text) {
  if (socket === null || socket.readyState !== WebSocket.OPEN)
    return false;
  socket.send(text);
  return true;
}

function showState(state) {
  $("status").dataset.state = state;
  $("status").textContent = state;
  $("send").disabled = state !== "online";
}

function connect() {
  const url = new URL("topics", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  showState("connecting");
  socket = new WebSocket(url);
  socket.onopen = () => {
    failures = 0;
    showState("online");
    for (const topic of wanted)
      send(`subscribe ${topic}`);
  };
  socket.onmessage = (event) => {
    const object = JSON.parse(event.data);
    events[object.type]?.(object);
  };
  socket.onclose = () => {
    showState("offline");
    setTimeout(connect, Math.min(LONGEST_DELAY, 500 * 2 ** failures++) * (1 - Math.random() / 2));
  };
}

/* ---- what the user does ---- */

function subscribe(topic) {
  wanted.add(topic);
  send(`subscribe ${topic}`);
  showTopics();
}

function unsubscribe(topic) {
  wanted.delete(topic);
  if (!send(`unsubscribe ${topic}`))
    events.unsubscribed({ topic });
}

$("subscribe").addEventListener("submit", (event) => {
  event.preventDefault();
  subscribe($("name").value.trim());
  $("name").value = "";
});

$("publish").addEventListener("submit", (event) => {
  event.preventDefault();
  if (send(`publish ${$("topic").value.trim()} ${$("text").value}`))
    $("text").value = "";
  $("text").focus();
});

showTopics();
connect();
