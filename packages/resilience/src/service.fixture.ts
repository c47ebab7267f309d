/**
 * A small Express service for the process tests, in a process of its own: its event loop is what is measured. Takes its
 * shedder's options as JSON in the first argument, "off" for none; speaks to the test over IPC and ends with it.
 */
import type { AddressInfo } from "node:net";
import express from "express";
import { createShedder, type ShedderEvent, type ShedderOptions } from "./shedder.ts";

export type ServiceMessage = { type: "listening"; port: number } | { type: "event"; event: ShedderEvent };

/** CPU time of one request, in ms: two hundred of them a second are all that a loop can do. */
const WORK_MS = 5;

function say(message: ServiceMessage): void {
  // The test may have gone already; then nobody needs to know.
  process.send?.(message, undefined, undefined, () => {});
}

function burn(milliseconds: number): void {
  const endsAtMs = performance.now() + milliseconds;
  while (performance.now() < endsAtMs);
}

const app = express();
let parsedBodies = 0;
const [given = "off"] = process.argv.slice(2);
if (given !== "off") {
  const shedder = createShedder(JSON.parse(given) as ShedderOptions);
  shedder.on((event) => {
    if (event.type !== "shed") say({ type: "event", event });
  });
  app.use(shedder.middleware({ exempt: (req) => req.url !== "/work" }));
}
app.use(express.json({ limit: "1mb" }), (req, _res, next) => {
  if (req.body !== undefined) parsedBodies += 1;
  next();
});
app.get("/livez", (_req, res) => void res.send("alive"));
app.get("/work-done", (_req, res) => void res.json({ parsedBodies }));
app.all("/work", (_req, res) => {
  burn(WORK_MS);
  res.send("done");
});
app.get("/block", (req, res) => {
  burn(Number(req.query["ms"]));
  res.send("done");
});

const server = app.listen(0, "127.0.0.1", () =>
  say({ type: "listening", port: (server.address() as AddressInfo).port }),
);
process.once("disconnect", () => process.exit(0));
