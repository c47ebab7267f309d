import { expect, test } from "vitest";

import { answerIn, problemIn, testAgent } from "../api.fixture.ts";

const agent = testAgent({ role: "stock" });

test("a product has a level, the same each time", async () => {
  const [one, other] = [await agent.get("/api/stock/walnut-desk"), await agent.get("/api/stock/walnut-desk")];
  expect(answerIn(one, "getStock")).toBe(200);
  expect(other.body).toEqual(one.body);
});

test("there is no level of what is not in the catalogue", async () => {
  expect(problemIn(await agent.get("/api/stock/gold-bar"))).toBe("404 RESOURCE_UNKNOWN");
});

test("the stock service has no products, the catalogue no stock", async () => {
  expect(problemIn(await agent.get("/api/products"))).toBe("404 ROUTE_UNKNOWN");
  expect(problemIn(await testAgent().get("/api/stock/walnut-desk"))).toBe("404 ROUTE_UNKNOWN");
});
