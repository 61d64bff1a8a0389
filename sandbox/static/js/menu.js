// A button that opens a menu; the entries are made when it opens.

import { h, icon } from "./dom.js";

export function menuButton(label, entries) {
  const opener = h("button.icon-button", { type: "button", title: label, "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false" }, icon("more"));
  const menu = h("div.menu.right", { role: "menu", hidden: true });
  const box = h("span.menu-box", {}, opener, menu);
  const close = () => {
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    box.classList.remove("open");
  };
  opener.addEventListener("click", () => {
    if (!menu.hidden) {
      close();
      return;
    }
    menu.replaceChildren(...entries().map((entry) => h("button.menu-item", { type: "button", role: "menuitem", class: entry.danger ? "danger" : "", onclick: () => {
      close();
      opener.focus();
      entry.run();
    } }, entry.text, entry.hint && h("span.menu-hint", {}, entry.hint))));
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    box.classList.add("open");
    menu.classList.toggle("up", opener.getBoundingClientRect().bottom > innerHeight - 200);
    menu.firstChild?.focus();
  });
  box.addEventListener("focusout", (event) => {
    if (!box.contains(event.relatedTarget)) close();
  });
  box.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    const items = [...menu.children];
    const step = { ArrowDown: 1, ArrowUp: items.length - 1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
      opener.focus();
    } else if (step) {
      event.preventDefault();
      items[(items.indexOf(document.activeElement) + step) % items.length].focus();
    }
  });
  return box;
}
