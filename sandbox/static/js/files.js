// Files as messages show them.

import { h, icon } from "./dom.js";
import { player } from "./player.js";
import { bytes } from "./time.js";

export function isAudio(file) {
  return /^audio\//.test(file.mimetype) || file.subtype === "slack_audio";
}

export function fileCard(file) {
  if (file.mode === "tombstone") return h("div.file.gone", {}, "This file was deleted.");
  if (file.mode === "hidden_by_limit") return h("div.file.gone", {}, "This file is hidden by the workspace's limit.");
  if (!file.name) return h("div.file.gone", {}, "This file cannot be seen from here.");
  const url = `/sandbox/file/${file.id}`;
  const name = file.title || file.name;
  if (isAudio(file) && !file.is_external) {
    const seconds = file.duration_ms ? file.duration_ms / 1000 : undefined;
    return h("figure.file.audio-file", { data: { sound: `${file.id} ${name}` } },
      h("figcaption", {}, file.subtype === "slack_audio" ? "Voice clip" : name, h("span.file-kind", {}, ` ${file.pretty_type} · ${bytes(file.size)}`)),
      player(url, name, seconds, file.size));
  }
  if (/^image\//.test(file.mimetype)) return h("figure.file", {}, h("figcaption", {}, name), h("img.picture", { src: url, alt: file.alt_txt || name }));
  return h("a.file.plain-file", { href: file.is_external ? file.url_private : url, download: file.name, rel: "noopener noreferrer" },
    h("span.file-icon", {}, icon("download")),
    h("span", {}, h("strong", {}, name), h("span.file-kind", {}, `${file.pretty_type} · ${bytes(file.size)}`)));
}
