// "Are you sure?", as buttons may ask.

import { h } from "./dom.js";
import { textNodes } from "./mrkdwn.js";

export function ask(confirm) {
  return new Promise((resolve) => {
    const dialog = h("dialog.dialog.small", { "aria-label": confirm.title.text });
    const answer = (yes) => {
      dialog.close();
      dialog.remove();
      resolve(yes);
    };
    dialog.append(
      h("header.dialog-head", {}, h("h2", {}, textNodes(confirm.title))),
      h("div.dialog-body", {}, h("p", {}, textNodes(confirm.text))),
      h("footer.dialog-foot", {},
        h("button.button", { type: "button", onclick: () => answer(false) }, textNodes(confirm.deny)),
        h("button.button", { type: "button", class: confirm.style || "primary", onclick: () => answer(true) }, textNodes(confirm.confirm))),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      answer(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
