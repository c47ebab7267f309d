import type { ProbeResult } from "@holdfast/lifecycle";
import request from "supertest";
import { expect, test } from "vitest";

import { problemIn } from "../api.fixture.ts";
import { createFaults } from "../faults/faults.ts";
import { createAdmin } from "./admin.ts";

function admin(opts: { probe?: ProbeResult; faults?: boolean } = {}) {
  const { probe = { status: 200, state: "ready", reason: "serves requests" }, faults = true } = opts;
  return request(
    createAdmin({
      lifecycle: { probe: () => probe },
      telemetry: {
        render: async ({ headers }) => ({
          status: 200,
          headers: { "content-type": "text/plain; version=0.0.4" },
          body: `accept ${String(headers.accept)}\n`,
        }),
      },
      faults: faults
        ? createFaults({
            hasUpstream: false,
            longestDelayMs: 1_000,
            lifecycle: { setUnready: () => undefined },
            exit: () => undefined,
          })
        : undefined,
    }),
  );
}

test.each(["/livez", "/readyz", "/startupz"])(
  "%s answers what the lifecycle says, for no cache to keep",
  async (path) => {
    const ready = await admin().get(path);
    expect([ready.status, ready.body, ready.headers["cache-control"]]).toEqual([
      200,
      { state: "ready", reason: "serves requests" },
      "no-store",
    ]);
    const starting = await admin({ probe: { status: 503, state: "starting", reason: "not done" } }).get(path);
    expect([starting.status, starting.body]).toEqual([503, { state: "starting", reason: "not done" }]);
  },
);

test("/metrics has the type that was asked for, also from a scraper that takes nothing else", async () => {
  const response = await admin().get("/metrics").set("Accept", "application/openmetrics-text");
  expect([response.status, response.headers["content-type"], response.text]).toEqual([
    200,
    "text/plain; version=0.0.4",
    "accept application/openmetrics-text\n",
  ]);
});

test("faults are switched on, listed and switched off", async () => {
  const agent = admin();
  const started = await agent.post("/faults").send({ fault: "latency", delayMs: 5 });
  expect([started.status, started.body]).toEqual([
    201,
    { fault: "latency", ttlSeconds: 30, delayMs: 5, remainingSeconds: 30 },
  ]);
  expect((await agent.get("/faults")).body).toMatchObject({ active: [{ fault: "latency", delayMs: 5 }] });
  expect((await agent.delete("/faults/latency")).status).toBe(204);
  expect((await agent.get("/faults")).body).toEqual({ active: [] });
  expect((await agent.delete("/faults")).status).toBe(204);
});

test("what is no fault is refused as a problem document", async () => {
  const agent = admin();
  expect(problemIn(await agent.post("/faults").send({ fault: "fire" }))).toBe("422 BODY_INVALID");
  expect(problemIn(await agent.post("/faults").send({ fault: "latency", ttlSeconds: 1e9 }))).toBe("422 BODY_INVALID");
  expect(problemIn(await agent.post("/faults").send({ fault: "dependency-failure" }))).toBe("409 CONFLICT");
  expect(problemIn(await agent.post("/faults").type("text").send("latency"))).toBe("415 BODY_TYPE_UNSUPPORTED");
  expect(problemIn(await agent.delete("/faults/fire"))).toBe("404 RESOURCE_UNKNOWN");
  expect(problemIn(await agent.put("/faults"))).toBe("405 METHOD_NOT_ALLOWED");
});

test("where faults are off there is nothing at /faults", async () => {
  const agent = admin({ faults: false });
  expect(problemIn(await agent.get("/faults"))).toBe("404 ROUTE_UNKNOWN");
  expect(problemIn(await agent.post("/faults").send({ fault: "latency" }))).toBe("404 ROUTE_UNKNOWN");
});

test("the admin port has nothing of the API", async () => {
  expect(problemIn(await admin().get("/api/products"))).toBe("404 ROUTE_UNKNOWN");
});
