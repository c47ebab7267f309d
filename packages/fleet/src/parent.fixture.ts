// A program that runs a fleet and is going to be killed: it prints the fleet's events, one JSON line each, and then "up".
import { createFleet } from "./fleet.ts";
import { fixtureCommand } from "./fleet.fixture.ts";

const fleet = createFleet({
  name: "web",
  port: 0,
  replicas: 2,
  version: "1",
  logDir: process.env["LOG_DIR"] ?? "",
  replica: (spec) => fixtureCommand(spec, { ON_SIGTERM: process.env["ON_SIGTERM"] ?? "" }),
  endpointLagMs: 0,
  terminationGraceMs: 1_500,
  probes: { startup: { periodMs: 25 } },
});
fleet.on((event) => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
  if (event.type === process.env["DIE_AT"]) process.kill(process.pid, "SIGKILL");
});
await fleet.start();
process.stdout.write(`${JSON.stringify({ type: "up", url: fleet.url })}\n`);
