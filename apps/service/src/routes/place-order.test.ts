import { expect, test } from "vitest";

import { answerIn, problemIn, testAgent } from "../api.fixture.ts";
import type { Order } from "../schemas/order.ts";
import type { ProblemDocument } from "../schemas/problem.ts";

const agent = testAgent();
const KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const wish = {
  items: [
    { productId: "walnut-desk", quantity: 2 },
    { productId: "clay-vase", quantity: 1 },
  ],
};

function place(body: unknown, key = KEY) {
  return agent
    .post("/api/orders")
    .set("Idempotency-Key", key)
    .send(body as object);
}

test("an order is made, priced and has an address", async () => {
  const response = await place(wish);
  expect(answerIn(response, "placeOrder")).toBe(201);
  const order = response.body as Order;
  expect(order.total).toEqual({ amount: 2 * 74_900 + 3_900, currency: "EUR" });
  expect(response.headers["location"]).toBe(`/api/orders/${order.id}`);
});

test("the same key gives the same order on every replica", async () => {
  const [one, other] = [
    await place(wish),
    await testAgent().post("/api/orders").set("Idempotency-Key", KEY).send(wish),
  ];
  expect(other.body).toEqual(one.body);
});

test("another key gives another order", async () => {
  const [one, other] = [await place(wish), await place(wish, "other")];
  expect((other.body as Order).id).not.toBe((one.body as Order).id);
});

test("an order for what is not in the catalogue is a conflict that names it", async () => {
  const response = await place({ items: [...wish.items, { productId: "gold-bar", quantity: 1 }] });
  expect(problemIn(response)).toBe("409 CONFLICT");
  expect(JSON.parse(response.text)).toMatchObject({ errors: [{ in: "body", at: "/items/2/productId" }] });
});

test.each([
  ["no items", { items: [] }, "/items"],
  ["a broken quantity", { items: [{ productId: "oak-chair", quantity: 1.5 }] }, "/items/0/quantity"],
  ["a quantity as text", { items: [{ productId: "oak-chair", quantity: "1" }] }, "/items/0/quantity"],
  ["a quantity without end", { items: [{ productId: "oak-chair", quantity: 1e300 }] }, "/items/0/quantity"],
  ["a member that nobody knows", { ...wish, "a/b~": 1 }, ""],
  ["an array", [], ""],
])("%s is no order", async (_name, body, at) => {
  const response = await place(body);
  expect(problemIn(response)).toBe("422 BODY_INVALID");
  expect((JSON.parse(response.text) as ProblemDocument).errors?.[0]).toMatchObject({ in: "body", at });
});

test.each([
  "null",
  "true",
  "1",
  '"text"',
  '{"items":{"length":1}}',
  `{"items":${"[".repeat(1000)}${"]".repeat(1000)}}`,
])("%s is no order", async (body) => {
  const response = await agent
    .post("/api/orders")
    .set("Idempotency-Key", KEY)
    .set("Content-Type", "application/json")
    .send(body);
  expect(problemIn(response)).toBe("422 BODY_INVALID");
});

test("a thousand mistakes are answered with ten, each of bounded length", async () => {
  const keys = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`unknown${index}`, 1]));
  const response = await testAgent({ bodyLimitBytes: 65_536 })
    .post("/api/orders")
    .set("Idempotency-Key", KEY)
    .send({ items: Array.from({ length: 50 }, () => ({})), ...keys });
  expect(problemIn(response)).toBe("422 BODY_INVALID");
  expect((JSON.parse(response.text) as ProblemDocument).errors).toHaveLength(10);
  expect(response.text.length).toBeLessThan(3_000);
});

test("an order without a key is refused, since it could happen twice", async () => {
  const response = await agent.post("/api/orders").send(wish);
  expect(problemIn(response)).toBe("400 PARAMETERS_INVALID");
  const [mistake] = (JSON.parse(response.text) as ProblemDocument).errors ?? [];
  expect(mistake).toMatchObject({ in: "header", at: "idempotency-key" });
  expect(mistake?.detail).toMatch(/^An order needs an Idempotency-Key header .*\.$/);
});

test.each(["with space", "ä", "a".repeat(129)])("the key %s is refused", async (key) => {
  const response = await agent
    .post("/api/orders")
    .set("Idempotency-Key", Buffer.from(key).toString("latin1"))
    .send(wish);
  expect(problemIn(response)).toBe("400 PARAMETERS_INVALID");
});

test("a body in which __proto__ is a member pollutes nothing", async () => {
  const response = await agent
    .post("/api/orders")
    .set("Idempotency-Key", KEY)
    .set("Content-Type", "application/json")
    .send('{"items":[{"productId":"oak-chair","quantity":1}],"__proto__":{"polluted":true}}');
  expect(problemIn(response)).toBe("422 BODY_INVALID");
  expect({}).not.toHaveProperty("polluted");
});
