// What the page knows, kept current by the live channel.

import { get } from "./api.js";

export const store = {
  me: sessionStorage.getItem("me") || "U0ADA",
  place: "C0SOUNDS",
  tab: "messages",
  thread: null,
  bot: "",
  users: new Map(),
  channels: new Map(),
  app: { name: "", commands: [], shortcuts: [] },
  faults: {},
  failures: {},
  sockets: 0,
  online: true,
  messages: new Map(),
  unread: new Map(),
  views: [],
  home: null,
  traffic: [],
};

const TRAFFIC_SHOWN = 500;
const listeners = new Map();

export function on(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(listener);
}

export function tell(kind, data = {}) {
  for (const listener of listeners.get(kind) || []) listener(data);
}

export function directMessage() {
  return `D${store.me.slice(1)}`;
}

export function userName(id) {
  if (id === "USLACKBOT") return "Slackbot";
  return store.users.get(id)?.real_name || id;
}

export function messagesOf(channel) {
  if (!store.messages.has(channel)) store.messages.set(channel, new Map());
  return store.messages.get(channel);
}

export function sorted(channel) {
  return [...messagesOf(channel).values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

export async function loadState() {
  const state = await get("state");
  store.bot = state.bot;
  store.app = state.app;
  store.sockets = state.sockets;
  store.faults = state.faults;
  store.failures = state.failures;
  store.users = new Map(state.users.map((user) => [user.id, user]));
  store.channels = new Map(state.channels.map((channel) => [channel.id, channel]));
  tell("places");
  tell("faults");
}

export async function loadMessages() {
  store.messages.clear();
  const channels = [...store.channels.values()].filter((channel) => !channel.is_im && channel.is_member);
  const places = [...channels.map((channel) => channel.id), directMessage()];
  const answers = await Promise.all(places.map((channel) => get("messages", { channel })));
  answers.forEach((answer, index) => answer.messages.forEach((m) => messagesOf(places[index]).set(m.ts, m)));
  const hidden = await get("ephemerals", { user: store.me });
  hidden.messages.forEach((m) => messagesOf(m.channel).set(m.ts, m));
  tell("messages");
}

export async function loadViews() {
  const [open, home] = await Promise.all([get("views", { user: store.me }), get("home", { user: store.me })]);
  store.views = open.views;
  store.home = home.view;
  tell("views");
}

export async function loadTraffic() {
  store.traffic = (await get("traffic")).traffic.slice(-TRAFFIC_SHOWN);
  tell("traffic");
}

export async function loadAll() {
  await loadState();
  await Promise.all([loadMessages(), loadViews(), loadTraffic()]);
}

const HEARD = {
  message: ({ message }) => heard(message),
  ephemeral: ({ message }) => message._user === store.me && heard(message),
  deleted: ({ channel, ts }) => {
    messagesOf(channel).delete(ts);
    tell("messages");
  },
  views: ({ user }) => user === store.me && loadViews(),
  places: () => soon(loadState),
  faults: () => soon(loadState),
  reset: () => soon(loadAll),
  traffic: ({ entry }) => noteTraffic(entry),
};

function heard(message) {
  const known = messagesOf(message.channel);
  const fresh = !known.has(message.ts);
  known.set(message.ts, message);
  const elsewhere = message.channel !== store.place || (message.channel === directMessage() && store.tab !== "messages");
  if (fresh && elsewhere && message.user !== store.me) {
    store.unread.set(message.channel, (store.unread.get(message.channel) || 0) + 1);
    tell("places");
  }
  tell("messages", { fresh: fresh ? message : null });
}

function noteTraffic(entry) {
  const known = store.traffic.findIndex((other) => other.id === entry.id);
  if (known >= 0) store.traffic[known] = entry;
  else store.traffic.push(entry);
  if (store.traffic.length > TRAFFIC_SHOWN) store.traffic.splice(0, store.traffic.length - TRAFFIC_SHOWN);
  if (entry.kind === "socket") soon(loadState);
  tell("traffic");
}

const waiting = new Map();
function soon(load) {
  if (waiting.has(load)) return;
  waiting.set(load, setTimeout(() => {
    waiting.delete(load);
    load().catch(() => {});
  }, 50));
}

// Hears first and loads then, so that nothing falls between; after a break everything is loaded anew.
export async function listen() {
  const source = new EventSource("/sandbox/live");
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    HEARD[event.kind]?.(event);
  };
  source.onerror = () => {
    store.online = false;
    tell("places");
  };
  await new Promise((resolve) => {
    source.onopen = resolve;
  });
  source.onopen = () => {
    store.online = true;
    loadAll().catch(() => {});
  };
  await loadAll();
}
