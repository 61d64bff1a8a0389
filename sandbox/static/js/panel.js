// The developer's panel: what passes between Slack and the bot, and the faults that can be switched on.

import { h, icon, iconButton } from "./dom.js";
import { faultForm, refreshFaults } from "./fault_form.js";
import { on, store, tell } from "./store.js";

const ROWS = 250;
let tab = "traffic";
let only = "";
let from = 0;
const open = new Set();
let list = null;

export function togglePanel() {
  const panel = document.getElementById("panel");
  panel.hidden = !panel.hidden;
  document.body.classList.toggle("panel-open", !panel.hidden);
  if (!panel.hidden) show();
  tell("panel");
}

const DIRECTIONS = { event: "→", command: "→", interactive: "→", api: "←", download: "←", response_url: "←", socket: "·", refusal: "✕" };

function row(entry) {
  const state = !entry.ok ? "bad" : entry.ms === null && entry.kind !== "socket" && entry.kind !== "response_url" ? "waiting" : "good";
  const details = h("details.entry-row", { class: state, open: open.has(entry.id), data: { id: String(entry.id) } },
    h("summary", {},
      h("span.direction", { title: DIRECTIONS[entry.kind] === "→" ? "to the bot" : "from the bot" }, DIRECTIONS[entry.kind]),
      h("span.kind", { class: entry.kind }, entry.kind.replace("_", " ")),
      h("span.entry-what", {}, entry.name, entry.attempt ? h("span.attempt", {}, ` repeat ${entry.attempt}`) : null),
      h("span.entry-ms", {}, entry.ms === null ? "" : `${entry.ms < 10 ? entry.ms.toFixed(1) : Math.round(entry.ms)} ms`)),
    entry.error && h("p.entry-error", {}, entry.error));
  const fill = () => {
    if (!details.open || details.querySelector("pre")) return;
    for (const part of ["request", "answer"]) {
      if (entry[part] === null || entry[part] === undefined) continue;
      details.append(h("h4", {}, part === "request" ? "Sent" : "Answered"), h("pre", { tabIndex: 0 }, JSON.stringify(entry[part], null, 2)));
    }
  };
  details.addEventListener("toggle", () => {
    if (details.open) open.add(entry.id);
    else open.delete(entry.id);
    fill();
  });
  fill();
  return details;
}

const rows = new Map();

function showTraffic() {
  if (!list) return;
  const entries = store.traffic.filter((entry) => entry.id > from && (only === "" || !entry.ok)).slice(-ROWS);
  const kept = new Map(entries.map((entry) => {
    const old = rows.get(entry.id);
    const state = `${entry.ms} ${entry.error}`;
    return [entry.id, old?.state === state ? old : { state, node: row(entry) }];
  }));
  rows.clear();
  for (const [id, made] of kept) rows.set(id, made);
  const atTop = list.scrollTop < 40;
  const nodes = [...kept.values()].map((made) => made.node).reverse();
  list.replaceChildren(...(nodes.length ? nodes : [h("p.empty", {}, only ? "Nothing was refused." : "Nothing has passed yet.")]));
  if (atTop) list.scrollTop = 0;
}

let waiting = 0;
function later() {
  if (waiting || !list) return;
  waiting = requestAnimationFrame(() => {
    waiting = 0;
    showTraffic();
  });
}

function traffic() {
  list = h("div.entry-rows", { tabIndex: 0, role: "region", "aria-label": "Traffic, newest first" });
  const filter = h("select.field.small", { "aria-label": "Which entries", onchange: (event) => {
    only = event.target.value;
    showTraffic();
  } }, h("option", { value: "" }, "Everything"), h("option", { value: "refused", selected: only === "refused" }, "Refusals only"));
  const clear = h("button.button.small", { type: "button", onclick: () => {
    from = store.traffic.at(-1)?.id || 0;
    showTraffic();
  } }, "Clear");
  const legend = h("p.legend", {}, "→ to the bot, with the time until its ack · ← from the bot");
  return [h("div.panel-tools", {}, filter, clear), legend, list];
}

function show() {
  const panel = document.getElementById("panel");
  list = null;
  rows.clear();
  const body = h("div.panel-body", { id: "panel-body", role: "tabpanel", "aria-labelledby": `panel-${tab}` }, tab === "traffic" ? traffic() : faultForm());
  const tabs = [["traffic", "Traffic"], ["faults", "Faults"]].map(([name, label]) => h("button.tab", {
    type: "button", role: "tab", id: `panel-${name}`, "aria-selected": String(tab === name), "aria-controls": "panel-body",
    onclick: () => {
      tab = name;
      show();
      document.getElementById(`panel-${name}`).focus();
    },
  }, label));
  panel.replaceChildren(
    h("header.place-head", {}, h("h2.place-name", {}, icon("traffic"), h("span", {}, "Slack and the bot")), iconButton("close", "Close panel", togglePanel), h("div.tabs", { role: "tablist", "aria-label": "Panel" }, tabs)),
    body,
  );
  showTraffic();
}

export function startPanel() {
  on("traffic", later);
  on("faults", () => refreshFaults(document.getElementById("panel")));
}
