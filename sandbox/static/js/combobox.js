// Selects: a field to type in, a list to choose from; options are fixed or asked of the app.

import { h, icon, uniqueId } from "./dom.js";
import { plain } from "./mrkdwn.js";
import { hidePopup, isShown, showPopup } from "./popup.js";

const TYPING_MS = 180;

// look(typed) gives options or a promise of them; chosen(option) hears of a choice.
export function combobox({ label, placeholder, look, chosen, selected = null, clearOnChoose = false, labelledby = null, minimum = 0 }) {
  const id = uniqueId("list");
  const input = h("input.combo-input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: false, placeholder,
    "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list",
    "aria-label": labelledby ? null : label, "aria-labelledby": labelledby,
  });
  const list = h("ul.combo-list", { id, role: "listbox", "aria-label": label });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  const box = h("div.combo", {}, input, icon("chevron", 16), list);
  let options = [];
  let active = -1;
  let current = selected;
  let asked = 0;
  let timer = 0;
  list.popover = "manual";

  const name = (option) => (option ? option.text.text : "");
  input.value = name(current);

  const close = () => {
    hidePopup(list);
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((item, at) => {
      item.classList.toggle("active", at === index);
      if (item.getAttribute("role") === "option") item.setAttribute("aria-selected", String(at === index));
    });
    if (index < 0) return;
    input.setAttribute("aria-activedescendant", list.children[index].id);
    list.scrollTop = Math.max(0, list.children[index].offsetTop - list.clientHeight / 2);
  };
  const note = (text) => list.replaceChildren(h("li.combo-note", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, text));
  const choose = (option) => {
    current = clearOnChoose ? null : option;
    input.value = name(current);
    close();
    chosen(option);
  };
  const show = (found) => {
    options = found;
    if (!found.length) note("No matches");
    else {
      list.replaceChildren(...found.map((option, index) => h("li", {
        id: `${id}-${index}`, role: "option", "aria-selected": "false",
        onmousedown: (event) => { event.preventDefault(); choose(option); },
      }, plain(option.text.text), option.description && h("span.option-description", {}, plain(option.description.text)))));
    }
    mark(found.length ? 0 : -1);
    showPopup(list, input, { wide: true });
  };
  const open = async () => {
    const typed = current && input.value === name(current) ? "" : input.value;
    showPopup(list, input, { wide: true });
    input.setAttribute("aria-expanded", "true");
    if (typed.length < minimum) {
      options = [];
      note(minimum === 1 ? "Type to search" : `Type at least ${minimum} characters`);
      return;
    }
    asked += 1;
    const question = asked;
    const answer = look(typed);
    if (answer instanceof Promise) note("Searching…");
    const found = await answer;
    if (question === asked && isShown(list)) show(found);
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(open, TYPING_MS);
  };
  input.addEventListener("input", later);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", open);
  input.addEventListener("blur", () => {
    clearTimeout(timer);
    asked += 1;
    input.value = name(current);
    close();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isShown(list)) open();
      else if (options.length) mark((active + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length);
    } else if (event.key === "Enter" && isShown(list)) {
      event.preventDefault();
      if (active >= 0 && options[active]) choose(options[active]);
    } else if (event.key === "Escape" && isShown(list)) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  return box;
}

// Chips for what is chosen, and a combobox for more.
export function multiCombobox(settings, initial, changed) {
  let chosen = [...initial];
  const chips = h("div.chips");
  const show = () => chips.replaceChildren(...chosen.map((option) => h("span.chip", {}, plain(option.text.text),
    h("button.chip-remove", { type: "button", "aria-label": `Remove ${option.text.text}`, onclick: () => {
      chosen = chosen.filter((other) => other !== option);
      show();
      changed(chosen);
    } }, icon("close", 12)))));
  show();
  const box = combobox({ ...settings, clearOnChoose: true, chosen: (option) => {
    const full = settings.most && chosen.length >= settings.most;
    if (full || chosen.some((other) => other.value === option.value)) return;
    chosen = [...chosen, option];
    show();
    changed(chosen);
  } });
  return h("div.multi", {}, chips, box);
}
