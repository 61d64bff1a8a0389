// Block Kit's blocks.

import { h, uniqueId } from "./dom.js";
import { element } from "./elements.js";
import { mrkdwn, textNodes } from "./mrkdwn.js";
import { clipButton, isAudioUrl } from "./player.js";
import { richText } from "./rich_text.js";

export function renderBlocks(surface, blocks) {
  return blocks.map((block) => {
    const make = MAKERS[block.type];
    const node = make ? make(surface, block) : h("div.unsupported", {}, `(${block.type} is not shown by the sandbox)`);
    node.classList.add("block");
    withPlayers(node);
    return node;
  });
}

// Links that end in an audio file get a small play button before them.
export function withPlayers(node) {
  for (const link of node.querySelectorAll("a[href]")) {
    if (isAudioUrl(link.href) && !link.closest(".file")) link.before(clipButton(link.href, link.textContent));
  }
}

function section(surface, block) {
  const body = h("div.section-text");
  if (block.text) body.append(...textNodes(block.text));
  if (block.fields) body.append(h("div.fields", {}, block.fields.map((field) => h("div.field-text", {}, textNodes(field)))));
  return h("div.section", {}, body, block.accessory && h("div.accessory", {}, element(surface, block, block.accessory)));
}

function context(surface, block) {
  const parts = block.elements.map((item) => (item.type === "image"
    ? h("img.context-image", { src: item.image_url, alt: item.alt_text })
    : h("span.context-text", {}, textNodes(item))));
  return h("div.context", {}, parts);
}

function input(surface, block) {
  const id = uniqueId("label");
  const optional = block.optional && h("span.optional", {}, " (optional)");
  return h("div.input", { data: { block: block.block_id } },
    h("div.input-label", { id }, textNodes(block.label), optional),
    element(surface, block, block.element, id),
    block.hint && h("div.hint", {}, textNodes(block.hint)),
    h("div.input-error", { role: "alert" }));
}

function picture(surface, block) {
  return h("figure.image", {}, block.title && h("figcaption", {}, textNodes(block.title)), h("img", { src: block.image_url, alt: block.alt_text }));
}

const MAKERS = {
  section,
  context,
  input,
  image: picture,
  divider: () => h("hr.divider"),
  header: (surface, block) => h("h3.header", {}, textNodes(block.text)),
  actions: (surface, block) => h("div.actions", {}, block.elements.map((item) => element(surface, block, item))),
  markdown: (surface, block) => h("div.section", {}, h("div.section-text", {}, mrkdwn(block.text.replace(/\*\*/g, "*")))),
  rich_text: (surface, block) => h("div.section", {}, h("div.section-text", {}, richText(block.elements))),
};
