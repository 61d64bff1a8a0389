// Switches for faults: the same that the tests use.

import { post } from "./api.js";
import { h } from "./dom.js";
import { store } from "./store.js";

const FLAGS = [
  ["rate", "One message a second and channel", "beyond it, 429 with Retry-After"],
  ["doubled_events", "Events come twice", "to two sockets where there are two"],
  ["files_html", "Login page instead of files", "as without the scope files:read"],
  ["no_duration", "Audio without its length", ""],
  ["mention_without_files", "Mentions without their files", ""],
  ["response_urls_expired", "response_urls have expired", ""],
];
const SECONDS = [
  ["api_delay", "Web API answers late by"],
  ["file_delay", "Files begin late by"],
  ["shares_missing_for", "Files lack shares for"],
  ["drop_sockets_every", "Sockets are cut after"],
  ["refresh_every", "Sockets are refreshed after"],
];
const CHOICES = [
  ["file_access", "Files in messages", [["", "whole"], ["check_file_info", "a stub (Slack Connect)"], ["access_denied", "a stub, never the file"]]],
  ["file_mode", "Files are", [["", "there"], ["tombstone", "deleted"], ["hidden_by_limit", "hidden by limit"]]],
];
const METHODS = ["chat.postMessage", "chat.update", "files.info", "views.open", "*"];
const ERRORS = [["ratelimited", "429, Retry-After 1 s"], ["internal_error", "500"], ["connection_closed", "no answer"], ["answer_cut", "half an answer"], ["missing_scope", "missing_scope"], ["not_in_channel", "not_in_channel"], ["channel_not_found", "channel_not_found"]];

function change(name, value) {
  return post("faults", { [name]: value });
}

function flag([name, label, hint]) {
  const box = h("input", { type: "checkbox", checked: store.faults[name], data: { fault: name }, onchange: (event) => change(name, event.target.checked) });
  return h("label.fault", {}, box, h("span", {}, label, hint && h("span.fault-hint", {}, hint)));
}

function seconds([name, label]) {
  const field = h("input.field.small", { type: "number", min: 0, max: 600, step: 0.5, value: String(store.faults[name]), data: { fault: name }, onchange: (event) => change(name, Number(event.target.value) || 0) });
  return h("label.fault", {}, h("span.grow", {}, label), field, " s");
}

function choice([name, label, options]) {
  const field = h("select.field.small", { data: { fault: name }, onchange: (event) => change(name, event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: store.faults[name] === value }, text)));
  return h("label.fault", {}, h("span.grow", {}, label), field);
}

function planned() {
  return Object.entries(store.failures).map(([name, failure]) => h("li", {}, `${name}: ${failure.error}, ${failure.times === null ? "always" : `${failure.times} more`}`));
}

function failing() {
  const method = h("select.field.small", { "aria-label": "Method" }, METHODS.map((name) => h("option", {}, name)));
  const error = h("select.field.small", { "aria-label": "Error" }, ERRORS.map(([value, text]) => h("option", { value }, text)));
  const button = (times, label) => h("button.button.small", { type: "button", onclick: () => post("fail", { method: method.value, error: error.value, times, retry_after: 1 }) }, label);
  return h("fieldset.fault-group", {}, h("legend", {}, "Web API calls fail"), h("div.fault-row", {}, method, error),
    h("div.fault-row", {}, button(1, "Next call"), button(3, "Next three"), button(0, "No more")),
    h("ul.planned", { role: "status" }, planned()));
}

// Shows switches that somebody else, or the button for all, has changed; what is being edited is left alone.
export function refreshFaults(panel) {
  for (const control of panel.querySelectorAll("[data-fault]")) {
    const value = store.faults[control.dataset.fault];
    if (control.type === "checkbox") control.checked = value;
    else if (control !== document.activeElement) control.value = String(value);
  }
  panel.querySelector(".planned")?.replaceChildren(...planned());
}

export function faultForm() {
  return [h("div.faults", {},
    h("p.legend", {}, "What real bots trip over. The tests use the same switches."),
    h("fieldset.fault-group", {}, h("legend", {}, "Switches"), FLAGS.map(flag)),
    h("fieldset.fault-group", {}, h("legend", {}, "Waits"), SECONDS.map(seconds)),
    h("fieldset.fault-group", {}, h("legend", {}, "Files"), CHOICES.map(choice)),
    failing(),
    h("div.fault-row", {},
      h("button.button.small", { type: "button", onclick: () => post("drop_sockets") }, "Cut all sockets"),
      h("button.button.small", { type: "button", onclick: () => post("clear_faults") }, "All faults off"),
      h("button.button.small.danger", { type: "button", onclick: () => post("reset") }, "Empty the workspace")))];
}
