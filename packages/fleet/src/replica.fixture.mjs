// What the tests run as a replica: a small HTTP server with probes on an admin port. Its environment says how it behaves, and its admin
// port changes that while it runs. Plain JavaScript: it is started some fifty times, and stripping types would take longer than the rest.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { NAME = "", VERSION = "", PORT, ADMIN_PORT } = process.env;
const crashMs = Number(process.env["CRASH_AFTER_MS"] ?? Infinity);
const startMs = Number(process.env["START_MS"] ?? 0);
const failing = new Set((process.env["FAIL"] ?? "").split(","));
const seen = { probes: 0, connections: 0, lines: 0 };

function say(line) {
  process.stdout.write(`${line}\n`);
}

say(`started ${NAME} ${VERSION} pid ${process.pid}`);
if (Number.isFinite(crashMs)) setTimeout(() => process.exit(3), crashMs);
if (process.env["CHATTY"] === "yes") setInterval(() => say(`line ${(seen.lines += 1)}`), 1);
if (process.env["SPAWN"] === "child") say(`child ${spawn("sleep", ["60"]).pid}`);

const app = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://replica");
  const delayMs = Number(url.searchParams.get("delayMs") ?? 0);
  if (delayMs > 0) await sleep(delayMs);
  response.setHeader("x-served-by", NAME).end(`${NAME} ${VERSION} ${process.env["COLOUR"] ?? ""}`);
});

const admin = createServer((request, response) => {
  const [, path = "", what = ""] = (request.url ?? "").split("/");
  switch (path) {
    case "fail":
      failing.add(what);
      return response.end();
    case "heal":
      failing.delete(what);
      return response.end();
    case "seen":
      return response.end(JSON.stringify(seen));
    default: {
      seen.probes += 1;
      const starting = path === "startupz" && performance.now() < startMs;
      response.statusCode = starting || failing.has(path) ? 503 : 200;
      return failing.has("answers") ? undefined : response.end();
    }
  }
});
admin.on("connection", () => (seen.connections += 1));

switch (process.env["ON_SIGTERM"]) {
  case "ignore":
    process.on("SIGTERM", () => say("SIGTERM ignored"));
    break;
  case "drain":
    process.on("SIGTERM", drain);
    break;
  default:
}

/** As a well-behaved service: not ready, accepting for a while, then closing what is idle and finishing what is not. */
async function drain() {
  say("draining");
  failing.add("readyz");
  await sleep(Number(process.env["LAG_MS"] ?? 0));
  app.close(() => {
    say("drained");
    process.exit(0);
  });
}

app.listen(Number(PORT), "127.0.0.1");
admin.listen(Number(ADMIN_PORT), "127.0.0.1");
