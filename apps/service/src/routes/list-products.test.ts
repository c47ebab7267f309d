import { expect, test } from "vitest";

import { answerIn, problemIn, testAgent } from "../api.fixture.ts";
import { products } from "../catalogue/products.ts";
import type { ProductPage } from "../schemas/product.ts";

const agent = testAgent();

test("a page has twenty products by id, and a link to the next", async () => {
  const response = await agent.get("/api/products");
  expect(answerIn(response, "listProducts")).toBe(200);
  const page = response.body as ProductPage;
  expect(page.items).toHaveLength(20);
  expect(page.links).toEqual({
    self: "/api/products?limit=20",
    next: `/api/products?limit=20&after=${page.items[19]?.id}`,
  });
});

test("following the links gives every product once", async () => {
  const seen: string[] = [];
  let next: string | undefined = "/api/products?limit=7";
  while (next !== undefined) {
    const { items, links } = (await agent.get(next)).body as ProductPage;
    seen.push(...items.map(({ id }) => id));
    next = links.next;
  }
  expect(seen).toEqual(products.map(({ id }) => id).toSorted());
});

test("a page goes on after an id that is not there (any more)", async () => {
  const response = await agent.get("/api/products?limit=1&after=walnut-door");
  expect((response.body as ProductPage).items[0]?.id).toBe("walnut-frame");
});

test("after the last product comes an empty page without a next one", async () => {
  const response = await agent.get("/api/products?after=zzz");
  expect(answerIn(response, "listProducts")).toBe(200);
  expect(response.body).toEqual({ items: [], links: { self: "/api/products?limit=20&after=zzz" } });
});

test.each(["0", "101", "-1", "1.5", "1e1", "0x10", "abc", "", "99999999999", "%205"])(
  "limit=%s is refused by name",
  async (limit) => {
    const response = await agent.get(`/api/products?limit=${limit}`);
    expect(problemIn(response)).toBe("400 PARAMETERS_INVALID");
    expect(JSON.parse(response.text)).toMatchObject({ errors: [{ in: "query", at: "limit" }] });
  },
);

test.each(["limit=1&limit=2", "limit[a]=1&limit=x", "after=UPPER", "after=", `after=${"a".repeat(65)}`])(
  "%s is refused",
  async (query) => {
    expect(problemIn(await agent.get(`/api/products?${query}`))).toBe("400 PARAMETERS_INVALID");
  },
);

test("parameters that nobody knows are let be", async () => {
  expect(answerIn(await agent.get("/api/products?limit[]=1&utm_source=x&__proto__[limit]=3"), "listProducts")).toBe(
    200,
  );
});

test("an unchanged page is not sent again", async () => {
  const first = await agent.get("/api/products");
  const second = await agent.get("/api/products").set("If-None-Match", first.headers["etag"] as string);
  expect(second.status).toBe(304);
  expect(second.text).toBe("");
});
