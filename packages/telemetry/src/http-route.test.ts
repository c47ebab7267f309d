import express, { Router, type Express } from "express";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createRouteNames, rememberMountPaths } from "./http-route.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Serves `app` and returns what asks it for a path and tells the route's name at the end of the response, as the observer does. */
async function serve(app: Express): Promise<(path: string, method?: string) => Promise<string | undefined>> {
  const routes = createRouteNames(app as RequestListener);
  rememberMountPaths(app as RequestListener);
  const names: (string | undefined)[] = [];
  const server = createServer((req, res) => {
    res.on("close", () => names.push(routes.nameOf(req)));
    app(req, res);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return async function nameOf(path, method = "GET") {
    const before = names.length;
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    await response.arrayBuffer();
    await expect.poll(() => names.length, { interval: 1 }).toBe(before + 1);
    return names.at(-1);
  };
}

const ok: express.RequestHandler = (_req, res) => void res.end("ok");
const fail: express.RequestHandler = () => {
  throw new Error("broken");
};
// Express recognizes an error handler by its four parameters.
// eslint-disable-next-line eslint/max-params
const answerError: express.ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).end("broken");

function nested(): Express {
  const app = express();
  const orders = Router();
  orders.get("/", ok);
  orders.get("/:id", ok);
  orders.get("/:id/broken", fail);
  orders.get("/:id/later", async () => {
    await Promise.resolve();
    throw new Error("broken");
  });
  const api = Router();
  api.use("/orders", orders);
  api.use("/tenants/:tenant/orders", orders);
  app.use("/api", api);
  app.get("/plain", ok);
  app.post(["/either", "/or"], ok);
  app.get(/^\/files\/(.+)$/, ok);
  app.use(answerError);
  return app;
}

test.for([
  ["/plain", "/plain"],
  ["/plain?query=1", "/plain"],
  ["/PLAIN", "/plain"],
  ["/plain/", "/plain"],
  ["/api/orders", "/api/orders"],
  ["/api/orders/", "/api/orders"],
  ["/api/orders/42", "/api/orders/:id"],
  ["/API/Orders/42", "/api/orders/:id"],
  ["/api/orders/42/broken", "/api/orders/:id/broken"],
  ["/api/orders/42/later", "/api/orders/:id/later"],
  ["/api/tenants/7/orders/42", "/api/tenants/:tenant/orders/:id"],
  ["/api/tenants/7/orders/42/broken", "/api/tenants/:tenant/orders/:id/broken"],
  ["/api/tenants/7/orders", "/api/tenants/:tenant/orders"],
  ["/API/Tenants/7/Orders/42", "/api/tenants/:tenant/orders/:id"],
  ["/files/a/b", String.raw`/^\/files\/(.+)$/`],
] as const)("%s is named %s, with the patterns of its mount points", async ([path, name]) => {
  const nameOf = await serve(nested());
  expect(await nameOf(path)).toBe(name);
});

test("a route of several paths is one route", async () => {
  const nameOf = await serve(nested());
  expect(await nameOf("/either", "POST")).toBe("/either|/or");
  expect(await nameOf("/or", "POST")).toBe("/either|/or");
});

test("what no route matched has no name, whatever was asked: all of it shares one label", async () => {
  const nameOf = await serve(nested());
  for (const path of [
    "/",
    "/nowhere",
    "/api",
    "/api/nowhere",
    "/api/tenants/7",
    "/%00",
    "/%E0%A4%A",
    "/../etc/passwd",
  ]) {
    expect([path, await nameOf(path)]).toEqual([path, undefined]);
  }
  expect(await nameOf("/plain", "DELETE")).toBeUndefined();
});

test("one router that is mounted twice has each mount's name in turn", async () => {
  const nameOf = await serve(nested());
  for (let i = 0; i < 3; i += 1) {
    expect(await nameOf(`/api/orders/${i}`)).toBe("/api/orders/:id");
    expect(await nameOf(`/api/tenants/${i}/orders/${i}`)).toBe("/api/tenants/:tenant/orders/:id");
  }
});

test("a parameter of a mount point never becomes a name: 500 tenants are one route", async () => {
  const nameOf = await serve(nested());
  const names = new Set<string | undefined>();
  for (let i = 0; i < 500; i += 1) names.add(await nameOf(`/api/tenants/Tenant-${i}/orders/1`));
  expect([...names]).toEqual(["/api/tenants/:tenant/orders/:id"]);
});

test("a sub-app's routes have the path that it is mounted at, also when it fails and the parent answers", async () => {
  const app = express();
  const shop = express();
  const items = Router();
  items.get("/:item", ok);
  items.get("/:item/broken", fail);
  shop.use("/items", items);
  shop.get("/", ok);
  app.use("/shops/:shop", shop);
  app.use(answerError);
  const nameOf = await serve(app);
  expect(await nameOf("/shops/7")).toBe("/shops/:shop");
  expect(await nameOf("/shops/7/items/1")).toBe("/shops/:shop/items/:item");
  expect(await nameOf("/shops/8/items/1/broken")).toBe("/shops/:shop/items/:item/broken");
});

test("a route whose mount point was given as a RegExp or a list is named, too", async () => {
  const app = express();
  const router = Router();
  router.get("/status", ok);
  app.use(["/v1", "/v2"], router);
  app.use(/^\/beta\d/, router);
  const nameOf = await serve(app);
  expect(await nameOf("/v1/status")).toBe("/v1/status");
  expect(await nameOf("/V2/status")).toBe("/v2/status");
  expect(await nameOf("/beta1/status")).toContain("/status");
});

test("a mount pattern that is no valid expression after translation does not throw", async () => {
  const app = express();
  const router = Router();
  router.get("/status", ok);
  app.use(/^\/[}]?odd/, router);
  const routes = createRouteNames(app as RequestListener);
  rememberMountPaths(app as RequestListener);
  const req = Object.create(app.request) as IncomingMessage & { baseUrl: string; route: unknown };
  req.baseUrl = "/odd";
  req.route = { path: "/status" };
  expect(routes.nameOf(req)).toBe("/odd/status");
});

test("the handlers themselves see req.route and req.baseUrl as Express documents them", async () => {
  const app = express();
  const router = Router();
  const seen: unknown[] = [];
  router.get("/:id", (req, res) => {
    seen.push(req.baseUrl, (req.route as { path: string }).path, Object.keys(req).includes("route") || "route" in req);
    res.end();
  });
  app.use("/orders", router);
  await (
    await serve(app)
  )("/orders/1");
  expect(seen).toEqual(["/orders", "/:id", true]);
});

test("the routes of an app are listed with their methods, by the names that requests get", () => {
  const app = nested();
  const router = Router();
  router.all("/all", ok);
  app.use(router);
  expect(createRouteNames(app as RequestListener).list()).toEqual(
    expect.arrayContaining([
      { method: "GET", route: "/plain" },
      { method: "HEAD", route: "/plain" },
      { method: "GET", route: "/api/orders" },
      { method: "GET", route: "/api/tenants/:tenant/orders/:id" },
      { method: "*", route: "/all" },
    ]),
  );
});

test("a listener that is no Express app has no routes and is left as it is", () => {
  const listener: RequestListener = (_req, res) => void res.end();
  const keys = Reflect.ownKeys(listener);
  rememberMountPaths(listener);
  expect(Reflect.ownKeys(listener)).toEqual(keys);
  expect(createRouteNames(listener).list()).toEqual([]);
  expect(createRouteNames(listener).nameOf({} as IncomingMessage)).toBeUndefined();
});
