// A button with three dots that opens a menu.

import { h, icon } from "./dom.js";
import { menu } from "./popup.js";

// entries() gives {text, hint?, danger?, run}.
export function menuButton(label, entries, { className = "", data = {} } = {}) {
  const opener = h("button.icon-button", { type: "button", title: label, "aria-label": label, class: className, data }, icon("more"));
  const list = h("div.menu", { role: "menu", "aria-label": label });
  const box = h("span.menu-box", {}, opener, list);
  menu(box, opener, list, (close) => entries().map((entry) => h("button.menu-item", {
    type: "button", role: "menuitem", class: entry.danger ? "danger" : "", onclick: () => {
      close();
      opener.focus({ preventScroll: true });
      entry.run(opener);
    },
  }, entry.text, entry.hint && h("span.menu-hint", {}, entry.hint))));
  return box;
}
