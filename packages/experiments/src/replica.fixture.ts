// What the tests run in place of the service: the same environment, ports, probes, faults and answers, in one small program.
import { createServer, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const { REPLICA_NAME = "", PORT, ADMIN_PORT, DRAIN_ENABLED, LAG_SECONDS, ANNOUNCE_SECONDS } = process.env;
const faults = new Map<string, Record<string, unknown>>();
const connections = new Set<Socket>();
let draining = false;
let announcing = false;

process.stdout.write(`started ${REPLICA_NAME}\n`);

const app = createServer(async (request, response) => {
  const asked = Number(request.headers["x-fault-delay-ms"] ?? 0);
  if (asked > 0) await sleep(asked);
  const latency = faults.get("latency");
  if (latency) await sleep(Number(latency["delayMs"]));
  // When it answers, not when it began: slow requests that began before carry it too.
  if (announcing) response.setHeader("connection", "close");
  response.setHeader("x-served-by", REPLICA_NAME);
  response.statusCode = faults.has("error-rate") ? 500 : request.method === "POST" ? 201 : 200;
  response.end("{}\n");
});

app.on("connection", (connection) => {
  connections.add(connection);
  connection.once("close", () => connections.delete(connection));
});

const admin = createServer(async (request, response) => {
  const { method = "GET", url = "/" } = request;
  switch (url) {
    case "/livez":
    case "/startupz":
      return answer(response, { status: 200 });
    case "/readyz":
      return answer(response, { status: draining ? 503 : 200 });
    case "/metrics":
      return answer(response, {
        status: 200,
        text: `lamp_state{state="${faults.has("dim") ? "dim" : "bright"}"} 1\n`,
      });
    case "/faults":
      if (method === "POST") {
        const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { fault: string };
        faults.set(body.fault, body);
      }
      if (method === "DELETE") faults.clear();
      return answer(response, {
        status: method === "GET" ? 200 : 204,
        text: method === "GET" ? JSON.stringify({ active: [...faults.values()] }) : "",
      });
    default:
      return answer(response, { status: 404 });
  }
});

function answer(response: ServerResponse, { status, text = "" }: { status: number; text?: string }): void {
  response.statusCode = status;
  response.end(text);
}

if (DRAIN_ENABLED === "true") {
  process.once("SIGTERM", () => void drain());
}

async function drain(): Promise<void> {
  draining = true;
  await sleep(Number(LAG_SECONDS) * 1000);
  announcing = true;
  // As the service does: nobody is left to be told.
  const untilMs = performance.now() + Number(ANNOUNCE_SECONDS) * 1000;
  while (performance.now() < untilMs && connections.size > 0) await sleep(20);
  app.close(() => process.exit(0));
}

app.listen(Number(PORT), "127.0.0.1");
admin.listen(Number(ADMIN_PORT), "127.0.0.1");
