// Serves npm's `emulate` (its Slack) until standard input closes, and prints its address.
import { pathToFileURL } from "node:url";

const [api, port] = process.argv.slice(2);
const { createEmulator } = await import(pathToFileURL(api).href);
const scopes = ["chat:write", "channels:read", "channels:history", "users:read", "files:read", "files:write", "reactions:write"];
const slack = { channels: [{ name: "sounds" }], tokens: [{ token: "xoxb-sandbox", scopes }], strict_scopes: true };
const emulator = await createEmulator({ service: "slack", port: Number(port), seed: { slack } });
console.log(emulator.url);
process.stdin.resume();
process.stdin.on("close", () => process.exit(0));
