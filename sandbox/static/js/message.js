// One message: who, when, text or blocks, files, reactions, replies, and what can be done with it.

import { complainUnlessAcked, post } from "./api.js";
import { renderBlocks, withPlayers } from "./blocks.js";
import { h, icon, iconButton } from "./dom.js";
import { EMOJI } from "./emoji.js";
import { fileCard } from "./files.js";
import { menuButton } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { messagesOf, store, tell, userName } from "./store.js";
import { clock, dateOf } from "./time.js";

const HUES = { U0ADA: 262, U0BEN: 28, U0MIA: 168 };

export function avatar(user) {
  if (user === store.bot) return h("span.avatar.bot", { "aria-hidden": "true" }, h("img", { src: "/static/icon.svg", alt: "" }));
  const node = h("span.avatar", { "aria-hidden": "true" }, userName(user).slice(0, 1));
  node.style.setProperty("--hue", String(HUES[user] ?? 205));
  return node;
}

export function renderMessage(message, { compact = false, inThread = false } = {}) {
  const bot = message.user === store.bot || message.user === "USLACKBOT";
  const name = userName(message.user);
  const time = h("time", { dateTime: dateOf(message.ts).toISOString(), title: dateOf(message.ts).toLocaleString("en-GB") }, clock(message.ts));
  const node = h("article.message", {
    class: [compact && "compact", message.is_ephemeral && "ephemeral"].filter(Boolean).join(" "),
    data: { ts: message.ts }, "aria-label": `${name}, ${clock(message.ts)}`,
  });
  if (message.is_ephemeral) node.append(h("p.only-you", {}, icon("eye", 14), " Only visible to you"));
  const body = h("div.message-body", {},
    !compact && h("div.message-head", {}, h("strong.author", {}, name), bot && h("span.app-badge", {}, "APP"), time),
    content(message),
    (message.files || []).map(fileCard),
    attachments(message),
    reactions(message),
    !inThread && message.reply_count && replies(message));
  node.append(compact ? h("span.gutter", {}, time) : avatar(message.user), body, toolbar(message, inThread));
  return node;
}

function content(message) {
  const surface = { container: { type: "message", channel: message.channel, ts: message.ts }, act: actOn(message) };
  const edited = message.edited && h("span.edited", {}, " (edited)");
  if (message.blocks?.length && message.user === store.bot) {
    return h("div.blocks", {}, renderBlocks(surface, message.blocks), edited && h("div.block", {}, edited));
  }
  if (!message.text) return null;
  const text = h("div.text", {}, mrkdwn(message.text), edited);
  withPlayers(text);
  return text;
}

function actOn(message) {
  const container = { type: "message", channel: message.channel, ts: message.ts };
  return async (block, element, choice) => {
    const body = { container, user: store.me, block_id: block.block_id, action_id: element.action_id, value: element.value, choice };
    complainUnlessAcked(await post("action", body), store.app.name);
  };
}

function attachments(message) {
  return (message.attachments || []).map((card) => h("div.attachment", {}, h("a", { href: card.from_url, target: "_blank", rel: "noopener noreferrer" }, card.title)));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return h("div.reactions", {}, message.reactions.map((reaction) => h("button.reaction", {
    type: "button", class: reaction.users.includes(store.me) ? "mine" : "", title: reaction.users.map(userName).join(", "),
    "aria-label": `${reaction.name}, ${reaction.count}`,
    onclick: () => react(message, reaction.name),
  }, EMOJI.get(reaction.name) || `:${reaction.name}:`, h("span", {}, String(reaction.count)))));
}

function react(message, name) {
  return post("react", { channel: message.channel, ts: message.ts, user: store.me, name });
}

function replies(message) {
  const count = message.reply_count;
  return h("button.replies", { type: "button", onclick: () => openThread(message) },
    (message.reply_users || []).slice(0, 3).map(avatar),
    h("span.reply-count", {}, `${count} ${count === 1 ? "reply" : "replies"}`),
    h("span.reply-last", {}, `Last reply at ${clock(message.latest_reply)}`));
}

export function openThread(message) {
  store.thread = { channel: message.channel, ts: message.thread_ts || message.ts };
  tell("thread");
}

function toolbar(message, inThread) {
  const bar = h("div.message-tools", { role: "group", "aria-label": "Message actions" });
  if (message.is_ephemeral) {
    bar.append(iconButton("close", "Dismiss message", () => post("delete", { channel: message.channel, ts: message.ts })));
    return bar;
  }
  bar.append(...["eyes", "+1"].map((name) => h("button.icon-button.in-menu", {
    type: "button", title: `React with :${name}:`, "aria-label": `React with ${name}`, onclick: () => react(message, name),
  }, EMOJI.get(name))));
  if (!inThread) bar.append(iconButton("reply", "Reply in thread", () => openThread(message), { class: "in-menu" }));
  bar.append(menuButton("More message actions", () => actions(message, inThread)));
  return bar;
}

function actions(message, inThread) {
  const shortcuts = store.app.shortcuts.filter((shortcut) => shortcut.type === "message").map((shortcut) => ({
    text: shortcut.name, hint: store.app.name,
    run: async () => {
      const where = { callback_id: shortcut.callback_id, user: store.me, channel: message.channel, ts: message.ts };
      complainUnlessAcked(await post("shortcut", where), shortcut.name);
    },
  }));
  const mine = message.user === store.me;
  const more = [{ text: "Copy link", run: () => navigator.clipboard?.writeText(`${location.origin}/archives/${message.channel}/p${message.ts.replace(".", "")}`) }];
  if (mine && !message.files) more.push({ text: "Edit message", run: () => edit(message) });
  if (mine) more.push({ text: "Delete message", danger: true, run: () => post("delete", { channel: message.channel, ts: message.ts }) });
  if (!inThread) more.unshift({ text: "Reply in thread", run: () => openThread(message) });
  return [...shortcuts, ...more];
}

function edit(message) {
  const node = document.querySelector(`.message[data-ts="${message.ts}"] .text`);
  const field = h("textarea.field", { value: message.text, rows: 2, "aria-label": "Edit message" });
  const done = async (save) => {
    if (save && field.value.trim()) await post("edit", { channel: message.channel, ts: message.ts, text: field.value });
    else {
      messagesOf(message.channel).set(message.ts, { ...message });
      tell("messages");
    }
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done(false);
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      done(true);
    }
  });
  node?.replaceChildren(field);
  field.focus();
}
