// App Home, as the bot published it for this person.

import { complainUnlessAcked, post } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { on, store } from "./store.js";

let shown = null;

function surfaceOf(view) {
  const container = { type: "view", view_id: view.id };
  const values = {};
  const act = async (block, element, choice) => {
    const body = { container, user: store.me, block_id: block.block_id, action_id: element.action_id, value: element.value, choice };
    complainUnlessAcked(await post("action", body), store.app.name);
  };
  return { container, act, values };
}

function content() {
  if (!store.home) return [h("p.empty", {}, `${store.app.name} has not published its home yet.`)];
  return renderBlocks(surfaceOf(store.home), store.home.blocks);
}

export function home() {
  shown = h("div.home-blocks.blocks", {}, content());
  return h("div.home.scroller", { tabIndex: 0, role: "region", "aria-label": `${store.app.name} home` }, shown);
}

export function startHome() {
  let known = null;
  on("views", () => {
    if (store.home?.hash === known) return;
    known = store.home?.hash;
    if (shown?.isConnected) shown.replaceChildren(...content());
  });
}
