import { ResilienceError } from "@holdfast/resilience";
import { expect, test } from "vitest";

import { answerIn, problemIn, testAgent } from "../api.fixture.ts";
import type { Stock } from "../schemas/product.ts";
import type { StockCall, StockClient } from "../stock/client.ts";

function stockIs(answer: (id: string, call: StockCall) => Promise<Stock>): StockClient {
  return { stockOf: answer } as StockClient;
}

test("a product comes with its stock, and the answer is not degraded", async () => {
  const agent = testAgent({ stock: stockIs(async () => ({ state: "current", available: 12 })) });
  const response = await agent.get("/api/products/walnut-desk");
  expect(answerIn(response, "getProduct")).toBe(200);
  expect(response.body).toMatchObject({
    id: "walnut-desk",
    name: "Walnut desk",
    stock: { state: "current", available: 12 },
  });
  expect(response.headers).not.toHaveProperty("x-degraded");
});

test.each<Stock>([{ state: "unknown" }, { state: "stale", available: 3, ageSeconds: 40 }])(
  "stock %o is answered with 200, and as degraded",
  async (stock) => {
    const agent = testAgent({ stock: stockIs(async () => stock) });
    const response = await agent.get("/api/products/walnut-desk");
    expect(answerIn(response, "getProduct")).toBe(200);
    expect(response.body).toMatchObject({ stock });
    expect(response.headers["x-degraded"]).toBe("stock");
  },
);

test("without an upstream stock is unknown, and nothing is degraded", async () => {
  const response = await testAgent().get("/api/products/walnut-desk");
  expect(answerIn(response, "getProduct")).toBe(200);
  expect(response.body).toMatchObject({ stock: { state: "unknown" } });
  expect(response.headers).not.toHaveProperty("x-degraded");
});

test("the upstream gets the deadline that the caller has left, at most the longest request", async () => {
  const seen: number[] = [];
  const stock = stockIs(async (_id, { deadline }) => {
    seen.push(deadline.remainingMs);
    return { state: "unknown" };
  });
  const agent = testAgent({ stock, longestRequestMs: 5_000 });
  await agent.get("/api/products/walnut-desk").set("x-request-deadline-ms", "300");
  for (const hostile of ["999999999", "-1", "1e9", "NaN", "0x1", "٣", "1, 2"]) {
    await agent.get("/api/products/walnut-desk").set("x-request-deadline-ms", encodeURI(hostile));
  }
  expect(seen[0]).toBeLessThanOrEqual(300);
  expect(seen[0]).toBeGreaterThan(100);
  for (const remainingMs of seen.slice(1)) {
    expect(remainingMs).toBeLessThanOrEqual(5_000);
    expect(remainingMs).toBeGreaterThan(4_000);
  }
  expect(seen).toHaveLength(8);
});

test("a caller without time is told so, and nobody is asked", async () => {
  let asked = false;
  const stock = stockIs(async () => {
    asked = true;
    return { state: "unknown" };
  });
  const response = await testAgent({ stock }).get("/api/products/walnut-desk").set("x-request-deadline-ms", "0");
  expect(problemIn(response)).toBe("504 DEADLINE_EXCEEDED");
  expect(asked).toBe(false);
});

test("an upstream that a route does not answer for is 503 with Retry-After", async () => {
  const stock = stockIs(async () => {
    throw new ResilienceError("UPSTREAM_OPEN", "stock was not asked", { retryAfterMs: 1500 });
  });
  const response = await testAgent({ stock }).get("/api/products/walnut-desk");
  expect(problemIn(response)).toBe("503 UPSTREAM_OPEN");
  expect(response.headers["retry-after"]).toBe("2");
});

test.each([
  "no-such-thing",
  "UPPER",
  "..%2f..%2fetc%2fpasswd",
  "a%00b",
  "%F0%9F%92%A9",
  "a".repeat(300),
  "__proto__",
  "constructor",
])("there is no product %s", async (id) => {
  expect(problemIn(await testAgent().get(`/api/products/${id}`))).toBe("404 RESOURCE_UNKNOWN");
});
