// A list of messages that changes in place: only what is new or different is made anew.

import { h } from "./dom.js";
import { renderMessage } from "./message.js";
import { store } from "./store.js";
import { day, dateOf } from "./time.js";

const GROUP_SECONDS = 300;
const BREATH_PIXELS = 8;
const NEAR_BOTTOM_PIXELS = 120;

export class MessageList {
  constructor(label, { inThread = false, before = null } = {}) {
    this.inThread = inThread;
    this.before = before;
    this.shown = new Map();
    this.newest = "";
    this.list = h("div.message-list", { role: "log", "aria-label": label, "aria-live": "polite", tabIndex: 0 });
    this.node = h("div.scroller", {}, this.list);
    this.list.addEventListener("load", () => this.stick && this.toBottom(), true);
    this.stick = true;
    this.node.addEventListener("scroll", () => {
      this.stick = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < NEAR_BOTTOM_PIXELS;
    });
    new ResizeObserver(() => this.stick && this.toBottom()).observe(this.node);
  }

  show(messages) {
    const focus = focusPath(this.list);
    const nodes = this.before ? [this.before] : [];
    const kept = new Map();
    let previous = null;
    for (const message of messages) {
      const newDay = !previous || dateOf(previous.ts).toDateString() !== dateOf(message.ts).toDateString();
      if (newDay && !this.inThread) nodes.push(this.divider(message.ts, kept));
      const compact = !newDay && sameGroup(previous, message);
      nodes.push(this.entry(message, compact, kept));
      if (this.inThread && !previous && messages.length > 1) nodes.push(this.count(messages.length - 1, kept));
      previous = message;
    }
    this.shown = kept;
    sync(this.list, nodes);
    focus?.();
    const newest = messages.at(-1);
    const fresh = newest && newest.ts > this.newest;
    this.newest = newest?.ts || "";
    if (fresh && (newest.user === store.me || newest.is_ephemeral)) this.stick = true;
    if (this.stick) this.toNewest(messages.at(-1));
  }

  // The bottom; but the beginning of the newest message where it is taller than the list.
  toNewest(message) {
    this.toBottom();
    const node = message && this.shown.get(message.ts)?.node;
    if (!node || node.offsetHeight < this.node.clientHeight || message.user === store.me) return;
    this.node.scrollTop += node.getBoundingClientRect().top - this.node.getBoundingClientRect().top - BREATH_PIXELS;
    this.stick = false;
  }

  entry(message, compact, kept) {
    const old = this.shown.get(message.ts);
    const same = old && old.message === message && old.compact === compact;
    const entry = same ? old : { message, compact, node: renderMessage(message, { compact, inThread: this.inThread }) };
    if (old && !same) keepPlayers(old.node, entry.node);
    if (!old && message.user !== store.me) entry.node.classList.add("fresh");
    kept.set(message.ts, entry);
    return entry.node;
  }

  divider(ts, kept) {
    const key = `day ${day(ts)}`;
    const entry = this.shown.get(key) || { node: h("div.day", {}, h("span", {}, day(ts))) };
    kept.set(key, entry);
    return entry.node;
  }

  count(replies, kept) {
    const key = `count ${replies}`;
    const entry = this.shown.get(key) || { node: h("div.thread-count", {}, h("span", {}, `${replies} ${replies === 1 ? "reply" : "replies"}`)) };
    kept.set(key, entry);
    return entry.node;
  }

  toBottom() {
    this.node.scrollTop = this.node.scrollHeight;
  }
}

function sameGroup(previous, message) {
  return previous && previous.user === message.user && !previous.is_ephemeral && !message.is_ephemeral
    && Number(message.ts) - Number(previous.ts) < GROUP_SECONDS && !previous.reply_count;
}

// Puts the nodes in place, touching only what moved, so that menus, players and focus survive.
function sync(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] || null);
  });
}

// A sound plays on where its message is made anew, because a reply came or somebody reacted.
function keepPlayers(from, to) {
  for (const card of from.querySelectorAll("[data-sound]")) {
    to.querySelector(`[data-sound="${CSS.escape(card.dataset.sound)}"]`)?.replaceWith(card);
  }
}

// Remembers which control had the focus, to give it to its successor when the message is made anew.
function focusPath(list) {
  const control = document.activeElement;
  const ts = control?.closest?.(".message")?.dataset.ts;
  if (!ts || !list.contains(control)) return null;
  const controls = (node) => [...node.querySelectorAll("button, input, a[href], textarea")];
  const index = controls(control.closest(".message")).indexOf(control);
  const action = control.dataset.action;
  return () => {
    if (control.isConnected) return;
    const node = [...list.querySelectorAll(".message")].find((other) => other.dataset.ts === ts);
    const found = node && (action ? node.querySelector(`[data-action="${CSS.escape(action)}"]`) : controls(node)[index]);
    (found || list).focus({ preventScroll: true });
  };
}
