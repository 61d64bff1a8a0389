// The thread beside the channel.

import { composer } from "./composer.js";
import { h, iconButton } from "./dom.js";
import { MessageList } from "./message_list.js";
import { on, sorted, store, tell } from "./store.js";

let list = null;
let opener = null;

function messages() {
  const { channel, ts } = store.thread;
  return sorted(channel).filter((m) => m.ts === ts || m.thread_ts === ts);
}

export function closeThread() {
  store.thread = null;
  tell("thread");
  if (opener?.isConnected) opener.focus();
}

function showThread() {
  const aside = document.getElementById("thread");
  aside.hidden = !store.thread;
  document.body.classList.toggle("thread-open", Boolean(store.thread));
  if (!store.thread) {
    list = null;
    aside.replaceChildren();
    return;
  }
  opener = document.activeElement;
  list = new MessageList("Thread", { inThread: true });
  const { channel, ts } = store.thread;
  const close = iconButton("close", "Close thread", closeThread);
  aside.replaceChildren(
    h("header.place-head", {}, h("h2.place-name", {}, "Thread"), close),
    list.node,
    composer({ channel, thread: ts, label: "Reply…", id: "thread-composer" }),
  );
  list.show(messages());
  aside.querySelector("textarea").focus();
}

export function startThread() {
  on("thread", showThread);
  on("messages", () => {
    if (!list) return;
    const shown = messages();
    if (shown.length) list.show(shown);
    else closeThread();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && store.thread && document.getElementById("thread").contains(event.target)) closeThread();
  });
}
