// What a person does and sees, over the same addresses that the tests' driver uses.

import { toast } from "./dom.js";

async function answered(response) {
  if (response.ok) return response.json();
  const reason = await response.text();
  toast(reason.slice(0, 300));
  throw new Error(reason);
}

export async function get(path, query = {}) {
  return answered(await fetch(`/sandbox/${path}?${new URLSearchParams(query)}`));
}

export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch(`/sandbox/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

export async function send(path, payload, files) {
  const form = new FormData();
  form.append("payload", JSON.stringify(payload));
  for (const file of files) form.append("file", file, file.name);
  return answered(await fetch(`/sandbox/${path}`, { method: "POST", body: form }));
}

const REASONS = {
  operation_timeout: "the app did not answer within three seconds",
  dispatch_failed: "the app is not connected",
  connection_failed: "the connection to the app was lost",
};

export function complainUnlessAcked(answer, name) {
  if (answer.acked || answer.error === "missing_required") return answer;
  toast(`${name}: ${REASONS[answer.error] || answer.error}.`);
  return answer;
}
