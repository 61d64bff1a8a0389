// A modal's input for files: choose or drop.

import { send } from "./api.js";
import { h, icon, toast } from "./dom.js";
import { store } from "./store.js";
import { bytes } from "./time.js";

export function fileInput(item, labelledby, changed) {
  const most = item.max_files || 10;
  const allowed = item.filetypes?.map((type) => `.${type}`) || [];
  let chosen = [];
  const list = h("ul.file-list");
  const picker = h("input.visually-hidden", { type: "file", multiple: most > 1, accept: allowed.join(","), "aria-labelledby": labelledby, data: { action: item.action_id } });
  const zone = h("div.drop-zone", {}, icon("plus"), h("span", {}, "Drop files here, or "),
    h("button.link-button", { type: "button", onclick: () => picker.click() }, "choose from your computer"), picker);

  const show = () => {
    list.replaceChildren(...chosen.map((file) => h("li", {}, h("span", {}, file.name), h("span.file-kind", {}, bytes(file.size)),
      h("button.chip-remove", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => {
        chosen = chosen.filter((other) => other !== file);
        show();
      } }, icon("close", 12)))));
    changed(chosen.map((file) => file.id));
  };
  const take = async (files) => {
    const right = files.filter((file) => !allowed.length || allowed.some((ending) => file.name.toLowerCase().endsWith(ending)));
    if (right.length < files.length) toast(`Only ${allowed.join(", ")} can be added here.`);
    const room = right.slice(0, most - chosen.length);
    if (room.length < right.length) toast(`At most ${most} files can be added here.`);
    if (!room.length) return;
    const { files: ids } = await send("files", { user: store.me }, room);
    chosen = [...chosen, ...room.map((file, index) => ({ id: ids[index], name: file.name, size: file.size }))];
    show();
  };
  picker.addEventListener("change", () => take([...picker.files]).finally(() => { picker.value = ""; }));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  return h("div", {}, zone, list);
}
