// Slack's mrkdwn as DOM nodes: links, mentions, emphasis, code, quotes, emoji short codes.

import { h } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { store, userName } from "./store.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const FENCE = /```([\s\S]+?)```\n?/;
const QUOTE = /^(?:&gt;|>) ?(.*)$/;

export function unescape(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

export function mrkdwn(text, { verbatim = false } = {}) {
  const nodes = [];
  let rest = text;
  for (let fence = FENCE.exec(rest); fence; fence = FENCE.exec(rest)) {
    nodes.push(...lines(rest.slice(0, fence.index), verbatim));
    nodes.push(h("pre", {}, h("code", {}, plainCode(fence[1]))));
    rest = rest.slice(fence.index + fence[0].length);
  }
  nodes.push(...lines(rest, verbatim));
  return nodes;
}

export function plain(text, emoji = true) {
  return emoji ? withEmoji(unescape(text)) : [unescape(text)];
}

// A text object of Block Kit.
export function textNodes(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, { verbatim: object.verbatim }) : plain(object.text, object.emoji !== false);
}

function plainCode(text) {
  return unescape(text.replace(/^\n|\n$/g, "").replace(/<([^>|]+)\|?([^>]*)>/g, (_, target, label) => label || target));
}

function lines(text, verbatim) {
  if (!text) return [];
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(h("blockquote", {}, joined(quoted, verbatim)));
    quoted = [];
  };
  let open = [];
  const close = () => {
    if (open.length) nodes.push(...joined(open, verbatim));
    open = [];
  };
  for (const line of text.split("\n")) {
    const quote = QUOTE.exec(line);
    if (quote) {
      close();
      quoted.push(quote[1]);
    } else {
      if (quoted.length) flush();
      open.push(line);
    }
  }
  flush();
  close();
  return nodes;
}

function joined(parts, verbatim) {
  return parts.flatMap((part, index) => (index ? [h("br"), ...inline(part, verbatim)] : inline(part, verbatim)));
}

// Each rule: what it matches, and the nodes that it makes. The first that matches earliest wins.
const RULES = [
  [/`([^`\n]+)`/, (match) => [h("code", {}, plainCode(match[1]))]],
  [/<([@#!])([^>|]+)(?:\|([^>]*))?>/, (match) => [special(match)]],
  [/<((?:https?|mailto|tel):[^>|]+)(?:\|([^>]*))?>/, (match, verbatim) => [link(unescape(match[1]), match[2] ? inline(match[2], verbatim, true) : [unescape(match[1])])]],
  [/(?<![\w*])\*(?![\s*])([^*\n]*[^\s*])\*(?![\w*])/, (match, verbatim) => [h("strong", {}, inline(match[1], verbatim))]],
  [/(?<![\w_])_(?![\s_])([^_\n]*[^\s_])_(?![\w_])/, (match, verbatim) => [h("em", {}, inline(match[1], verbatim))]],
  [/(?<![\w~])~(?![\s~])([^~\n]*[^\s~])~(?![\w~])/, (match, verbatim) => [h("s", {}, inline(match[1], verbatim))]],
  [/\bhttps?:\/\/[^\s<>|]+[^\s<>|.,;:!?)\]'"]/, (match, verbatim) => (verbatim ? [unescape(match[0])] : [link(unescape(match[0]), [unescape(match[0])])])],
];

function inline(text, verbatim, inLink = false) {
  let first = null;
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(text);
    if (match && (!first || match.index < first.match.index)) first = { match, make };
  }
  if (!first || inLink) return withEmoji(unescape(text));
  const { match, make } = first;
  return [
    ...withEmoji(unescape(text.slice(0, match.index))),
    ...make(match, verbatim),
    ...inline(text.slice(match.index + match[0].length), verbatim),
  ];
}

function link(url, children) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);
}

function special([, sign, target, label]) {
  if (sign === "@") return h("span.mention", { class: target === store.me ? "me" : "" }, `@${label || userName(target)}`);
  if (sign === "#") return h("span.mention", {}, `#${label || store.channels.get(target)?.name || target}`);
  if (target.startsWith("date^")) return unescape(label || target.split("^")[2] || "");
  return h("span.mention.me", {}, `@${unescape(label || target.split("^")[0])}`);
}

function withEmoji(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(/:([a-z0-9_+-]+):/g)) {
    const glyph = EMOJI.get(match[1]);
    if (!glyph) continue;
    nodes.push(text.slice(end, match.index));
    nodes.push(h("span.emoji", { role: "img", "aria-label": match[1].replace(/_/g, " "), title: match[0] }, glyph));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}
