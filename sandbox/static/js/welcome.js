// The beginning of a place: what it is for, and things to try with one press.

import { h, icon } from "./dom.js";
import { avatar } from "./message.js";
import { SAMPLES, synthesise } from "./samples.js";
import { directMessage, store } from "./store.js";

function composerForm() {
  return document.querySelector("#place form.composer");
}

function trySaying(text) {
  return h("button.try", { type: "button", onclick: () => {
    composerForm().dispatchEvent(new CustomEvent("fill", { detail: text }));
    composerForm().dispatchEvent(new Event("submit-now"));
  } }, text);
}

function trySound(sample) {
  const button = h("button.try.sound", { type: "button" }, icon("play", 14), sample.name);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const file = await synthesise(sample);
    button.disabled = false;
    composerForm().dispatchEvent(new CustomEvent("attach", { detail: [file] }));
    composerForm().dispatchEvent(new Event("submit-now"));
  });
  return button;
}

export function welcome() {
  const direct = store.place === directMessage();
  const name = store.app.name;
  const command = store.app.commands[0]?.command;
  const title = direct ? name : `Welcome to #${store.channels.get(store.place)?.name || ""}`;
  return h("section.welcome", { "aria-label": "Things to try" },
    direct ? avatar(store.bot) : h("span.welcome-hash", {}, icon("hash", 36)),
    h("h2", {}, title),
    h("p", {}, `${name} listens to a sound and finds the ten clips that sound most like it. Drop an audio file here, record one, or send one of these:`),
    h("div.tries", {}, SAMPLES.map(trySound)),
    command && h("p", {}, "Or ask in words, or by a command:"),
    command && h("div.tries", {}, ["rain on a tin roof", "random", "help", ""].map((text) => trySaying(`${command} ${text}`.trim()))));
}
