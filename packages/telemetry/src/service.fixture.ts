/**
 * A small service that tests start as a process of its own. Environment: LOG_FILE (else stdout), PIPE_MODE=nonblocking,
 * OTLP_ENDPOINT. It tells its port by message, and ends at the messages "close" (telemetry first) and "exit" (at once).
 */
import { openSync } from "node:fs";
import { createServer } from "node:http";
import { registerHooks } from "node:module";
import { Socket, type AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

const { LOG_FILE, PIPE_MODE, OTLP_ENDPOINT } = process.env;

const loaded: string[] = [];
registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    loaded.push(resolved.url);
    return resolved;
  },
});
const connects: string[] = [];
const connect = Reflect.get(Socket.prototype, "connect") as (...to: unknown[]) => Socket;
Socket.prototype.connect = function countedConnect(this: Socket, ...to: unknown[]) {
  connects.push(JSON.stringify(to[0]));
  return connect.apply(this, to);
} as Socket["connect"];

// Whoever touches process.stdout makes a pipe non-blocking, for every writer of it.
if (PIPE_MODE === "nonblocking") process.stdout.on("error", () => undefined);

const { startTelemetry } = await import("./index.ts");
const telemetry = startTelemetry({
  serviceName: "fixture",
  serviceVersion: "1.2.3",
  instanceId: "fixture-1",
  traces: { samplingRatio: 1, ...(OTLP_ENDPOINT !== undefined && { endpoint: OTLP_ENDPOINT }) },
  ...(LOG_FILE !== undefined && { destination: openSync(LOG_FILE, "a") }),
});
await telemetry.ready;

const LINES_A_TURN = 50;

async function burst(lines: number, chars: number): Promise<void> {
  for (let line = 0; line < lines; line += 1) {
    telemetry.log.info({ line, text: "x".repeat(chars) }, "burst");
    if (line % LINES_A_TURN === LINES_A_TURN - 1) await nextTurn();
  }
}

const server = createServer(
  telemetry.observe(async (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? "/", "http://fixture");
    if (pathname.startsWith("/work/")) {
      telemetry.log.info({ path: pathname }, "step one");
      await nextTurn();
      telemetry.log.info({ path: pathname }, "step two");
    }
    if (pathname === "/burst") await burst(Number(searchParams.get("lines")), Number(searchParams.get("chars")));
    if (pathname === "/metrics") res.end((await telemetry.render(req)).body);
    else if (pathname === "/process") res.end(JSON.stringify({ loaded, connects }));
    else res.end("ok");
  }),
);

process.on("message", async function obey(message) {
  if (message === "exit") process.exit(0);
  server.close();
  server.closeAllConnections();
  await telemetry.close();
  process.disconnect();
});
// A parent that is gone leaves no process behind.
process.on("disconnect", () => process.exit(0));

server.listen(0, "127.0.0.1", function sayPort() {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
