// rich_text: text that comes as a tree.

import { h } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { userName, store } from "./store.js";

export function richText(elements) {
  return elements.map((part) => {
    if (part.type === "rich_text_list") {
      const list = h(part.style === "ordered" ? "ol" : "ul");
      list.append(...part.elements.map((item) => h("li", {}, item.elements.map(inline))));
      return list;
    }
    if (part.type === "rich_text_preformatted") return h("pre", {}, h("code", {}, part.elements.map(inline)));
    if (part.type === "rich_text_quote") return h("blockquote", {}, part.elements.map(inline));
    return h("p", {}, (part.elements || []).map(inline));
  });
}

const WRAPS = { bold: "strong", italic: "em", strike: "s", code: "code" };

function inline(part) {
  let node = MAKERS[part.type]?.(part) ?? document.createTextNode("");
  for (const [style, tag] of Object.entries(WRAPS)) if (part.style?.[style]) node = h(tag, {}, node);
  return node;
}

const MAKERS = {
  text: (part) => h("span.pre-wrap", {}, part.text),
  link: (part) => h("a", { href: part.url, target: "_blank", rel: "noopener noreferrer" }, part.text || part.url),
  emoji: (part) => h("span.emoji", { role: "img", "aria-label": part.name }, EMOJI.get(part.name) || `:${part.name}:`),
  user: (part) => h("span.mention", {}, `@${userName(part.user_id)}`),
  channel: (part) => h("span.mention", {}, `#${store.channels.get(part.channel_id)?.name || part.channel_id}`),
};
