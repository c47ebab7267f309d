import { parseRule } from "@holdfast/load";
import { expect, test } from "vitest";
import { GENTLE, JUDGED, loadPlan, loadShape, ROLLOUT_RULE } from "./session-load.ts";

test("a kept-alive socket is used about once a second, at any rate", () => {
  expect(loadShape(GENTLE)).toEqual(GENTLE);
  expect(loadShape(JUDGED, 1_000)).toMatchObject({ ratePerSecond: 1_000, persistentSockets: 500 });
  expect(loadShape(GENTLE, 0)).toMatchObject({ ratePerSecond: 0, persistentSockets: GENTLE.persistentSockets });
});

test("the load asks for products that the service has said it has, and each order has a key of its own", () => {
  const plan = loadPlan({ ...GENTLE, url: "http://127.0.0.1:1", productIds: ["walnut-desk", "oak-shelf", "lamp"] });
  expect(plan.requests.map(({ path }) => path)).toEqual([
    "/api/products?limit=10",
    "/api/products/walnut-desk",
    "/api/products/oak-shelf",
    "/api/orders",
  ]);
  const order = plan.requests.at(-1);
  expect(order?.body).toContain('"productId":"walnut-desk"');
  expect(order?.headers?.["idempotency-key"]).toContain("{i}");
});

test("where the machine starves, a rollout is judged as an experiment is: not at all", () => {
  expect(parseRule(ROLLOUT_RULE)).toMatchObject({ maxScheduleLagMs: { p99: 200, max: 1_000 }, maxClockErrorMs: 100 });
});
