// Completes slash commands at the start of a message, and @names anywhere.

import { h, uniqueId } from "./dom.js";
import { avatar } from "./message.js";
import { store } from "./store.js";

export function completion(field, { commands }) {
  const id = uniqueId("complete");
  const list = h("ul.complete-list", { id, role: "listbox", "aria-label": "Suggestions" });
  const node = h("div.complete", { hidden: true }, list);
  let entries = [];
  let active = 0;
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", id);

  const close = () => {
    node.hidden = true;
    entries = [];
    field.removeAttribute("aria-activedescendant");
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    field.setAttribute("aria-activedescendant", `${id}-${index}`);
  };
  const choose = (entry) => {
    const before = field.value.slice(0, field.selectionStart);
    const after = field.value.slice(field.selectionStart);
    const start = before.length - entry.typed.length;
    field.value = `${before.slice(0, start)}${entry.text} ${after.trimStart()}`;
    const end = start + entry.text.length + 1;
    close();
    field.dispatchEvent(new Event("input"));
    field.setSelectionRange(end, end);
    field.focus();
  };
  const look = () => {
    const before = field.value.slice(0, field.selectionStart);
    entries = [...(commands ? commandsFor(before) : []), ...peopleFor(before)];
    if (!entries.length) {
      close();
      return;
    }
    list.replaceChildren(...entries.map((entry, index) => h("li", {
      id: `${id}-${index}`, role: "option", "aria-selected": "false",
      onmousedown: (event) => { event.preventDefault(); choose(entry); },
    }, entry.picture, h("span", {}, h("strong", {}, entry.text), " ", h("span.complete-hint", {}, entry.hint), entry.about && h("span.complete-about", {}, entry.about)))));
    node.hidden = false;
    mark(0);
  };
  field.addEventListener("input", look);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (node.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: entries.length - 1 }[event.key];
    if (step) {
      event.preventDefault();
      mark((active + step) % entries.length);
    } else if (event.key === "Tab" || (event.key === "Enter" && entries[active].text !== entries[active].typed)) {
      event.preventDefault();
      choose(entries[active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  return { node, close };
}

function commandsFor(before) {
  const typed = /^\/\S*$/.exec(before)?.[0];
  if (!typed) return [];
  return store.app.commands.filter((command) => command.command.startsWith(typed)).map((command) => ({
    typed, text: command.command, hint: command.usage_hint || "", about: command.description, picture: avatar(store.bot),
  }));
}

function peopleFor(before) {
  const typed = /(?:^|\s)(@[\w ]{0,20})$/.exec(before)?.[1];
  if (!typed) return [];
  const wanted = typed.slice(1).toLowerCase();
  return [...store.users.values()].filter((user) => user.real_name.toLowerCase().startsWith(wanted) && user.real_name.toLowerCase() !== wanted).map((user) => ({
    typed, text: `@${user.real_name}`, hint: user.is_bot ? "app" : "", about: "", picture: avatar(user.id),
  }));
}
