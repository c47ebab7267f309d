import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

import request from "supertest";
import { expect, test } from "vitest";

import { problemIn, testAgent } from "../api.fixture.ts";
import { operation } from "../schemas/operation.ts";
import { createApp } from "./app.ts";
import { route } from "./route.ts";

const agent = testAgent();

test.each([
  "/",
  "/nope",
  "/api",
  "/api/products/",
  "/API/products",
  "/api/products/walnut-desk/",
  "//",
  "/api/products/a/b",
])("there is nothing at %s", async (path) => {
  expect(problemIn(await agent.get(path))).toBe("404 ROUTE_UNKNOWN");
});

test.each(["/%", "/%ZZ", "/api/products/%E0%A4%A", "/api/products?after=%ff", "/api/products/%C0%AE"])(
  "the broken escape in %s is 400",
  async (path) => {
    expect(problemIn(await agent.get(path))).toBe("400 URL_ENCODING_INVALID");
  },
);

test("an URL without end is 414", async () => {
  expect(problemIn(await agent.get(`/api/products?after=${"a".repeat(8_000)}`))).toBe("414 URL_TOO_LONG");
});

test.each(["delete", "put", "patch", "post", "trace"] as const)(
  "%s of a list is 405, and says what is possible",
  async (method) => {
    const response = await agent[method]("/api/products");
    expect(problemIn(response)).toBe("405 METHOD_NOT_ALLOWED");
    expect(response.headers["allow"]).toBe("GET, HEAD, OPTIONS");
  },
);

test("OPTIONS says what is possible, without a body", async () => {
  const response = await agent.options("/api/orders");
  expect([response.status, response.text, response.headers["allow"]]).toEqual([204, "", "POST, OPTIONS"]);
  expect(problemIn(await agent.options("/nope"))).toBe("404 ROUTE_UNKNOWN");
});

test("HEAD has the headers of GET and no body, of an error too", async () => {
  const [head, get] = [await agent.head("/api/products"), await agent.get("/api/products")];
  expect(head.text).toBeUndefined();
  expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
  const unknown = await agent.head("/nope");
  expect([unknown.status, unknown.text]).toEqual([404, undefined]);
  expect(Number(unknown.headers["content-length"])).toBeGreaterThan(0);
});

test("who takes no JSON is told that there is nothing else", async () => {
  expect(problemIn(await agent.get("/api/products").set("Accept", "text/html, application/xml;q=0.9"))).toBe(
    "406 NOT_ACCEPTABLE",
  );
  for (const accept of ["*/*", "application/*", "text/html,*/*;q=0.8", "application/json;q=0.1"]) {
    expect((await agent.get("/api/products").set("Accept", accept)).status).toBe(200);
  }
});

test("no answer says what it is made with", async () => {
  expect((await agent.get("/api/products")).headers).not.toHaveProperty("x-powered-by");
});

/** An app with one route that fails in a way of its own. */
function failing(fail: Parameters<typeof route>[1]) {
  const errors: unknown[] = [];
  const broken = operation({ method: "get", path: "/fail", request: {} });
  const app = createApp({ routes: [route(broken, fail)], bodyLimitBytes: 100, onError: (error) => errors.push(error) });
  return { app, errors };
}

test("an error of ours is 500 without a word about it, and is reported", async () => {
  const { app, errors } = failing(async () => {
    throw new Error("secret detail");
  });
  const response = await request(app).get("/fail");
  expect(problemIn(response)).toBe("500 INTERNAL_ERROR");
  expect(response.text).not.toContain("secret");
  expect(errors).toEqual([expect.objectContaining({ message: "secret detail" })]);
});

test.each(["text", 42, { status: 200 }, { status: 404, expose: true }])(
  "whatever is thrown (%o) is 500",
  async (thrown) => {
    const { app } = failing(() => {
      // oxlint-disable-next-line no-throw-literal
      throw thrown;
    });
    const response = await request(app).get("/fail");
    expect(problemIn(response)).toBe("500 INTERNAL_ERROR");
  },
);

test("an error in the middle of an answer breaks the connection, so that half is not taken for all", async () => {
  const { app, errors } = failing(async (_input, res) => {
    await new Promise((resolve) => void res.write("half", resolve));
    throw new Error("too late");
  });
  const server = createServer(app).listen(0);
  await once(server, "listening");
  const client = httpRequest({ port: (server.address() as AddressInfo).port, path: "/fail" }).end();
  const [response] = (await once(client, "response")) as [NodeJS.ReadableStream];
  response.resume();
  const [error] = (await once(response, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
  expect(errors).toHaveLength(1);
  server.close();
});
