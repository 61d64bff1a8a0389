// The left side: who one is, the channel, the app.

import { h, icon, iconButton } from "./dom.js";
import { avatar } from "./message.js";
import { goTo, isApp } from "./place.js";
import { directMessage, loadMessages, loadViews, on, store, tell } from "./store.js";
import { togglePanel } from "./panel.js";

const PEOPLE = ["U0ADA", "U0BEN", "U0MIA"];

function entry(label, picture, current, unread, onclick) {
  return h("li", {}, h("button.entry", { type: "button", class: unread ? "unread" : "", "aria-current": current ? "page" : null, onclick },
    picture, h("span.entry-name", {}, label), unread ? h("span.badge", { "aria-label": `${unread} unread` }, String(unread)) : null));
}

function become(user) {
  const wasApp = isApp();
  store.me = user;
  sessionStorage.setItem("me", user);
  if (wasApp) goTo("app", store.tab);
  Promise.all([loadMessages(), loadViews()]).then(() => tell("place"));
  tell("places");
}

function person() {
  const select = h("select.person", { "aria-label": "You are", onchange: (event) => become(event.target.value) },
    PEOPLE.map((user) => h("option", { value: user, selected: user === store.me }, store.users.get(user)?.real_name || user)));
  return h("div.you", {}, avatar(store.me), h("label.you-label", {}, h("span.you-hint", {}, "You are"), select));
}

function show() {
  const app = store.unread.get(directMessage());
  const channels = [...store.channels.values()].filter((channel) => !channel.is_im && channel.is_member);
  document.getElementById("sidebar").replaceChildren(
    h("div.workspace", {}, h("span.workspace-name", {}, "Sandbox"), h("span.workspace-hint", {}, `with ${store.app.name}`)),
    h("h2.group", {}, "Channels"),
    h("ul.entries", {}, channels.map((channel) => entry(channel.name, icon("hash", 18), store.place === channel.id, store.unread.get(channel.id), () => goTo(channel.id)))),
    h("h2.group", {}, "Direct messages"),
    h("ul.entries", {}, entry(store.app.name, avatar(store.bot), isApp() && store.tab === "messages", app, () => goTo("app", "messages"))),
    h("h2.group", {}, "Apps"),
    h("ul.entries", {}, entry("App Home", icon("home", 18), isApp() && store.tab === "home", 0, () => goTo("app", "home"))),
    h("span.grow"),
    person(),
  );
  document.getElementById("top").replaceChildren(
    iconButton("menu", "Channels and apps", () => document.body.classList.toggle("sidebar-open"), { class: "burger" }),
    h("span.top-name", {}, "Sandbox"),
    h("span.top-hint", {}, "A Slack workspace on this machine: nothing leaves it"),
    h("span.connection", { class: store.sockets && store.online ? "up" : "down", role: "status" }, connection()),
    iconButton("moon", "Light or dark", toggleTheme),
    h("button.top-button", { type: "button", title: "Traffic and faults", "aria-label": "Traffic and faults", "aria-expanded": String(!document.getElementById("panel").hidden), "aria-controls": "panel", onclick: togglePanel }, icon("traffic", 18), h("span", {}, "Traffic")),
  );
}

function connection() {
  if (!store.online) return "Sandbox stopped";
  if (store.app.request_url) return "Bot over HTTP";
  return store.sockets ? "Bot connected" : "Bot not connected";
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

export function startSidebar() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  on("places", show);
  on("panel", show);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.body.classList.remove("sidebar-open");
  });
}
