// Modals: the topmost of this person's open views.

import { complainUnlessAcked, post } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h, icon } from "./dom.js";
import { textNodes } from "./mrkdwn.js";
import { on, store } from "./store.js";

let shown = null;

function surfaceOf(view, values) {
  const container = { type: "view", view_id: view.id };
  const act = async (block, element, choice) => {
    const inputs = { ...values };
    delete inputs[element.action_id];
    const body = { container, user: store.me, block_id: block.block_id, action_id: element.action_id, value: element.value, choice, values: inputs };
    complainUnlessAcked(await post("action", body), store.app.name);
  };
  return { container, act, values };
}

function showErrors(form, errors) {
  for (const node of form.querySelectorAll(".input")) {
    const error = errors[node.dataset.block] || "";
    node.querySelector(".input-error").replaceChildren(...(error ? [icon("warn", 14), ` ${error}`] : []));
    node.classList.toggle("wrong", Boolean(error));
    const field = node.querySelector("input, textarea");
    if (error) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }
  form.querySelector(".form-error").textContent = errors[""] || "";
  form.querySelector(".wrong input, .wrong textarea")?.focus();
}

function build(view) {
  const values = {};
  const dialog = h("dialog.dialog", { "aria-labelledby": "modal-title" });
  const close = () => post("close", { view_id: view.id, user: store.me }).catch(() => {});
  const submit = view.submit && h("button.button.primary", { type: "submit" }, textNodes(view.submit));
  const body = h("div.dialog-body.blocks", { tabIndex: 0, role: "group", "aria-label": "Form" });
  const form = h("form.dialog-form", { noValidate: true, onsubmit: async (event) => {
    event.preventDefault();
    if (!submit || submit.disabled) return;
    submit.disabled = true;
    submit.setAttribute("aria-busy", "true");
    try {
      const answer = await post("submit", { view_id: view.id, user: store.me, values });
      showErrors(form, answer.errors || {});
    } finally {
      submit.disabled = false;
      submit.removeAttribute("aria-busy");
    }
  } },
  h("header.dialog-head", {},
    h("span.avatar.bot", { "aria-hidden": "true" }, h("img", { src: "/static/icon.svg", alt: "" })),
    h("h2", { id: "modal-title" }, textNodes(view.title)),
    h("button.icon-button", { type: "button", "aria-label": "Close", title: "Close", onclick: close }, icon("close"))),
  body,
  h("footer.dialog-foot", {}, h("span.form-error", { role: "alert" }),
    h("button.button", { type: "button", onclick: close }, view.close ? textNodes(view.close) : "Close"), submit));
  dialog.append(form);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  return { view, hash: view.hash, values, dialog, body };
}

function fill(modal, view) {
  modal.hash = view.hash;
  modal.body.replaceChildren(...renderBlocks(surfaceOf(view, modal.values), view.blocks));
}

function show() {
  const view = store.views.at(-1);
  if (shown && shown.view.id !== view?.id) {
    shown.dialog.close();
    shown.dialog.remove();
    shown = null;
  }
  if (!view) return;
  if (!shown) {
    shown = build(view);
    fill(shown, view);
    document.body.append(shown.dialog);
    shown.dialog.showModal();
    (shown.body.querySelector("input:not(.visually-hidden), textarea") || shown.dialog).focus();
  } else if (shown.hash !== view.hash) {
    const modal = build(view);
    Object.assign(modal.values, keptValues(shown.values, view));
    fill(modal, view);
    shown.dialog.replaceChildren(...modal.dialog.childNodes);
    shown = { ...modal, dialog: shown.dialog };
  }
}

// An update keeps what was typed in inputs that are still there; the server holds the same.
function keptValues(values, view) {
  const there = new Set(view.blocks.map((block) => block.element?.action_id).filter(Boolean));
  return Object.fromEntries(Object.entries(values).filter(([action]) => there.has(action)));
}

export function startModals() {
  on("views", show);
}
