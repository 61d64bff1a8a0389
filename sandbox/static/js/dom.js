// Makes elements without ever parsing HTML: everything that people or the bot wrote becomes text.

export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) setProperty(element, key, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setProperty(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.className += ` ${value}`;
  else if (key === "data") Object.assign(element.dataset, value);
  else if (key in element && key !== "list" && key !== "form" && key !== "role") element[key] = value;
  else element.setAttribute(key, value === true ? "" : value);
}

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  hash: "M8 3 6 17M14 3l-2 14M4 7h13M3 13h13",
  send: "M3 3l14 7-14 7 2.5-7zM5.5 10H11",
  plus: "M10 4v12M4 10h12",
  mic: "M10 3a2.5 2.5 0 0 1 2.5 2.5v4a2.5 2.5 0 0 1-5 0v-4A2.5 2.5 0 0 1 10 3zM5 9.5a5 5 0 0 0 10 0M10 14.5V17M7.5 17h5",
  close: "M5 5l10 10M15 5L5 15",
  menu: "M3 5h14M3 10h14M3 15h14",
  reply: "M4 4h12v9H9l-4 3v-3H4z",
  more: "M10 5h.01M10 10h.01M10 15h.01",
  eye: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  play: "M7 5v10l8-5z",
  pause: "M7.5 5v10M12.5 5v10",
  home: "M3 9.5 10 4l7 5.5V16h-4.5v-4h-5v4H3z",
  traffic: "M3 7h12l-3-3M17 13H5l3 3",
  moon: "M15.5 12A6.5 6.5 0 0 1 8 4.5a6 6 0 1 0 7.5 7.5z",
  chevron: "M6 8l4 4 4-4",
  check: "M4 10.5l4 4 8-9",
  download: "M10 3v9M6.5 9 10 12.5 13.5 9M4 16h12",
  stop: "M6 6h8v8H6z",
  warn: "M10 3l8 14H2zM10 8v4M10 14.5h.01",
  smile: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.5 8.5h.01M12.5 8.5h.01M7 11.5c1.5 2 4.5 2 6 0",
};

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 20 20", width: size, height: size, class: "icon", "aria-hidden": "true", focusable: "false" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, more = {}) {
  return h("button.icon-button", { type: "button", title: label, "aria-label": label, onclick, ...more }, icon(name));
}

export function toast(text) {
  const note = h("div.toast", {}, text);
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

let counter = 0;
export function uniqueId(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}
