// The middle: a channel or the direct message with its tabs, messages, and the composer.

import { composer } from "./composer.js";
import { post } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { home } from "./home.js";
import { avatar } from "./message.js";
import { MessageList } from "./message_list.js";
import { directMessage, on, sorted, store, tell } from "./store.js";
import { welcome } from "./welcome.js";

const main = () => document.getElementById("place");
let list = null;

export function goTo(place, tab = "messages") {
  store.place = place === "app" ? directMessage() : place;
  store.tab = place === "app" ? tab : "messages";
  store.thread = null;
  store.unread.delete(store.place);
  if (place === "app") post("home", { user: store.me, tab }).catch(() => {});
  document.body.classList.remove("sidebar-open");
  tell("place");
  tell("places");
  tell("thread");
}

export function isApp() {
  return store.place.startsWith("D");
}

function title() {
  return isApp() ? store.app.name : store.channels.get(store.place)?.name || "";
}

function head() {
  const name = h("h1.place-name", {}, isApp() ? avatar(store.bot) : icon("hash"), h("span", {}, title()), isApp() && h("span.app-badge", {}, "APP"));
  const open = iconButton("menu", "Channels and apps", () => document.body.classList.toggle("sidebar-open"), { class: "burger" });
  const tabs = isApp() && h("div.tabs", { role: "tablist", "aria-label": store.app.name },
    [["home", "Home"], ["messages", "Messages"]].map(([tab, label]) => h("button.tab", {
      type: "button", role: "tab", id: `tab-${tab}`, "aria-selected": String(store.tab === tab), "aria-controls": "tab-panel", onclick: () => goTo("app", tab),
    }, label)));
  const topic = !isApp() && h("p.topic", {}, "What does it sound like?");
  return h("header.place-head", {}, open, name, topic, tabs);
}

export function showPlace() {
  document.title = `${isApp() ? store.app.name : `#${title()}`} – Sandbox`;
  const attributes = isApp() ? { id: "tab-panel", role: "tabpanel", "aria-labelledby": `tab-${store.tab}` } : {};
  const panel = h("div.place-panel", attributes);
  if (isApp() && store.tab === "home") {
    list = null;
    panel.append(home());
  } else {
    list = new MessageList(`Messages in ${title()}`, { before: welcome() });
    panel.append(list.node, composer({ channel: store.place, label: isApp() ? `Message ${store.app.name}` : `Message #${title()}`, id: "composer" }));
  }
  main().replaceChildren(head(), panel);
  showMessages();
}

function showMessages() {
  if (!list) return;
  const here = sorted(store.place);
  list.show(here.filter((m) => !m.thread_ts || m.thread_ts === m.ts || m.subtype === "thread_broadcast"));
}

export function startPlace() {
  on("place", showPlace);
  on("messages", showMessages);
}
