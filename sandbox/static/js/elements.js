// Block Kit's elements. A surface is `{container, act(block, element, choice, node), values, asked}`:
// act sends a choice to the app; values collects a modal's inputs by action id.

import { post } from "./api.js";
import { combobox, multiCombobox } from "./combobox.js";
import { ask } from "./confirm.js";
import { h, uniqueId } from "./dom.js";
import { fileInput } from "./file_input.js";
import { menuButton } from "./menu.js";
import { plain, textNodes } from "./mrkdwn.js";
import { store } from "./store.js";

export function element(surface, block, item, labelledby = null) {
  const make = MAKERS[item.type];
  if (!make) return h("span.unsupported", {}, `(${item.type} is not shown by the sandbox)`);
  return make(surface, block, item, labelledby);
}

async function act(surface, block, item, choice, node) {
  if (item.confirm && !(await ask(item.confirm))) return false;
  node?.setAttribute("aria-busy", "true");
  try {
    await surface.act(block, item, choice);
  } finally {
    node?.removeAttribute("aria-busy");
  }
  return true;
}

// Inputs keep their value for the submission; elsewhere, and where the block says so, each choice is sent at once.
function took(surface, block, item, value, node = null) {
  if (surface.values) surface.values[item.action_id] = value;
  if (block.type !== "input" || block.dispatch_action) act(surface, block, item, value, node).catch(() => {});
}

function button(surface, block, item) {
  const data = { action: item.action_id, value: item.value || "" };
  const node = h("button.button", { type: "button", data, class: item.style || "", "aria-label": item.accessibility_label }, textNodes(item.text));
  node.addEventListener("click", () => {
    if (item.url) window.open(item.url, "_blank", "noopener");
    act(surface, block, item, null, node).catch(() => {});
  });
  return node;
}

function image(surface, block, item) {
  return h("img.thumbnail", { src: item.image_url, alt: item.alt_text });
}

function overflow(surface, block, item) {
  return menuButton("More actions", () => item.options.map((option) => ({
    text: plain(option.text.text),
    run: (opener) => {
      if (option.url) window.open(option.url, "_blank", "noopener");
      act(surface, block, item, option.value, opener).catch(() => {});
    },
  })), { className: "overflow", data: { action: item.action_id } });
}

function fixedOptions(item) {
  if (item.options) return item.options;
  if (item.option_groups) return item.option_groups.flatMap((group) => group.options);
  const option = (value, text) => ({ value, text: { type: "plain_text", text } });
  if (item.type.includes("users")) return [...store.users.values()].map((user) => option(user.id, user.real_name));
  return [...store.channels.values()].filter((channel) => !channel.is_im).map((channel) => option(channel.id, `#${channel.name}`));
}

function select(surface, block, item, labelledby) {
  const external = item.type.endsWith("external_select");
  const multi = item.type.startsWith("multi_");
  const named = item.type.includes("users") || item.type.includes("channels") || item.type.includes("conversations");
  const placeholder = item.placeholder?.text || "Choose an option";
  const node = h("div.select", { data: { action: item.action_id } });
  const look = external
    ? async (typed) => (await post("options", { container: surface.container, user: store.me, block_id: block.block_id, action_id: item.action_id, value: typed })).options
    : (typed) => fixedOptions(item).filter((option) => option.text.text.toLowerCase().includes(typed.toLowerCase()));
  const initial = [item.initial_option, ...(item.initial_options || [])].filter(Boolean);
  const settings = { label: placeholder, placeholder, look, labelledby, minimum: external ? item.min_query_length ?? 3 : 0, most: item.max_selected_items };
  const values = (options) => (named ? options.map((option) => option.value) : options);
  node.append(multi
    ? multiCombobox(settings, initial, (options) => took(surface, block, item, values(options), node))
    : combobox({ ...settings, selected: initial[0] || null, chosen: (option) => took(surface, block, item, named ? option.value : option, node) }));
  return node;
}

function choices(surface, block, item, labelledby) {
  const radio = item.type === "radio_buttons";
  const name = uniqueId("choice");
  const initial = new Set([item.initial_option, ...(item.initial_options || [])].filter(Boolean).map((option) => option.value));
  const group = h("fieldset.choices", { role: radio ? "radiogroup" : "group", "aria-labelledby": labelledby });
  const inputs = item.options.map((option) => {
    const input = h("input", { type: radio ? "radio" : "checkbox", name, checked: initial.has(option.value) });
    input.addEventListener("change", () => {
      const chosen = item.options.filter((_, index) => inputs[index].checked);
      took(surface, block, item, radio ? chosen[0] : chosen);
    });
    group.append(h("label", {}, input, h("span", {}, textNodes(option.text), option.description && h("span.option-description", {}, textNodes(option.description)))));
    return input;
  });
  return group;
}

function textInput(surface, block, item, labelledby) {
  const multiline = item.multiline && item.type === "plain_text_input";
  const kind = { number_input: "number", email_text_input: "email", url_text_input: "url" }[item.type] || "text";
  const field = h(multiline ? "textarea.field" : "input.field", {
    ...(multiline ? { rows: 4 } : { type: kind }), placeholder: item.placeholder?.text, maxLength: item.max_length,
    value: item.initial_value || "", "aria-labelledby": labelledby, data: { action: item.action_id }, step: item.is_decimal_allowed ? "any" : null,
  });
  const on = item.dispatch_action_config?.trigger_actions_on || ["on_enter_pressed"];
  field.addEventListener("input", () => {
    if (surface.values) surface.values[item.action_id] = field.value;
    if (block.dispatch_action && on.includes("on_character_entered")) took(surface, block, item, field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || multiline || !block.dispatch_action) return;
    event.preventDefault();
    took(surface, block, item, field.value);
  });
  return field;
}

function picker(surface, block, item, labelledby) {
  const type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[item.type];
  const field = h("input.field", { type, value: item.initial_date || item.initial_time || "", "aria-labelledby": labelledby, "aria-label": labelledby ? null : item.placeholder?.text || type });
  field.addEventListener("change", () => {
    const value = type === "datetime-local" ? Math.floor(new Date(field.value).getTime() / 1000) : field.value;
    took(surface, block, item, value);
  });
  return field;
}

const MAKERS = {
  button, image, overflow, checkboxes: choices, radio_buttons: choices,
  plain_text_input: textInput, number_input: textInput, email_text_input: textInput, url_text_input: textInput,
  datepicker: picker, timepicker: picker, datetimepicker: picker,
  file_input: (surface, block, item, labelledby) => fileInput(item, labelledby, (files) => took(surface, block, item, files)),
};
for (const kind of ["static", "external", "users", "channels", "conversations"]) {
  MAKERS[`${kind}_select`] = select;
  MAKERS[`multi_${kind}_select`] = select;
}
