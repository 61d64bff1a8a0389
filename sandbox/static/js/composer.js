// Where people type, complete commands and names, attach files, and record.

import { complainUnlessAcked, post, send } from "./api.js";
import { completion } from "./completion.js";
import { h, icon, iconButton, toast } from "./dom.js";
import { recorder } from "./recorder.js";
import { directMessage, store } from "./store.js";
import { bytes } from "./time.js";

const MOST_FILES = 10;

export function composer({ channel, thread = null, label, id }) {
  let files = [];
  let voice = false;
  const field = h("textarea.composer-field", { id, rows: 1, placeholder: label, "aria-label": label });
  const chips = h("ul.composer-files", { hidden: true, "aria-label": "Files to send" });
  const picker = h("input.visually-hidden", { type: "file", multiple: true, tabIndex: -1, "aria-label": "Files to send" });
  const sendButton = h("button.send", { type: "submit", title: "Send now", "aria-label": "Send now", disabled: true }, icon("send", 18));
  const complete = completion(field, { commands: !thread });

  const refresh = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 220)}px`;
    sendButton.disabled = !field.value.trim() && !files.length;
    chips.hidden = !files.length;
    chips.replaceChildren(...files.map((file) => h("li", {}, h("span.file-name", {}, file.name), h("span.file-kind", {}, bytes(file.size)),
      h("button.chip-remove", { type: "button", "aria-label": `Remove ${file.name}`, onclick: () => {
        files = files.filter((other) => other !== file);
        refresh();
        field.focus();
      } }, icon("close", 12)))));
  };
  const attach = (more, recorded = false) => {
    voice = recorded;
    files = [...files, ...more].slice(0, MOST_FILES);
    if (more.length > MOST_FILES) toast("Slack takes ten files a message.");
    refresh();
    field.focus();
  };
  const submit = async () => {
    const text = field.value.trim();
    if (!text && !files.length) return;
    const sent = files;
    const spoken = voice;
    field.value = "";
    files = [];
    voice = false;
    refresh();
    complete.close();
    try {
      await deliver(text, sent, spoken);
    } catch {
      field.value = text;
      files = sent;
      refresh();
    }
  };
  const deliver = async (text, sent, spoken) => {
    const command = /^(\/[a-z0-9_-]+)(?:\s+([\s\S]*))?$/.exec(text);
    if (command && !sent.length) {
      if (thread) {
        toast(`${command[1]} is not supported in threads.`);
        throw new Error("not in threads");
      }
      const body = { command: command[1], text: escape(command[2] || ""), channel, user: store.me };
      complainUnlessAcked(await post("command", body), command[1]);
      return;
    }
    await send("say", { text: mentions(escape(text)), channel, user: store.me, thread_ts: thread, voice: spoken }, sent);
  };

  const form = h("form.composer", { "aria-label": thread ? "Reply in thread" : "New message", onsubmit: (event) => {
    event.preventDefault();
    submit();
  } },
  complete.node,
  h("div.composer-box", {}, field, chips,
    h("div.composer-tools", {},
      iconButton("plus", "Attach files", () => picker.click()),
      recorder((file) => attach([file], true)),
      h("button.icon-button.slash", { type: "button", title: "Run a shortcut", "aria-label": "Type a slash command", hidden: Boolean(thread), onclick: () => {
        field.value = "/";
        field.focus();
        field.dispatchEvent(new Event("input"));
      } }, "/"),
      picker, h("span.grow"), sendButton)));

  picker.addEventListener("change", () => {
    attach([...picker.files]);
    picker.value = "";
  });
  field.addEventListener("input", refresh);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    submit();
  });
  field.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files || [])];
    if (!pasted.length) return;
    event.preventDefault();
    attach(pasted);
  });
  form.addEventListener("attach", (event) => attach(event.detail));
  form.addEventListener("fill", (event) => {
    field.value = event.detail;
    refresh();
    field.focus();
  });
  form.addEventListener("submit-now", submit);
  return form;
}

function escape(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function mentions(text) {
  let marked = text;
  for (const user of store.users.values()) {
    marked = marked.replaceAll(new RegExp(`(^|\\s)@${user.real_name}\\b`, "gi"), `$1<@${user.id}>`);
  }
  return marked;
}

// Files may be dropped anywhere on the conversation or on the thread.
export function startDropping() {
  let depth = 0;
  const veil = h("div.veil", { hidden: true }, h("div", {}, icon("plus", 40), h("p", {}, "")));
  document.body.append(veil);
  const target = (event) => (event.target.closest?.("#thread:not([hidden])") || document.getElementById("place")).querySelector("form.composer");
  const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files") && !document.querySelector("dialog[open]");
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    const name = store.place === directMessage() ? store.app.name : `#${store.channels.get(store.place)?.name}`;
    veil.querySelector("p").textContent = `Upload to ${name}`;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    target(event)?.dispatchEvent(new CustomEvent("attach", { detail: [...event.dataTransfer.files] }));
  });
}
