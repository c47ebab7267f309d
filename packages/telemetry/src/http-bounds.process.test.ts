/** Route names and the number of series, over real HTTP through a real Express. */
import { METHODS } from "node:http";
import express, { type NextFunction, type Request, type Response } from "express";
import { expect, test, vi } from "vitest";
import {
  connectRaw,
  countResponses,
  requestText,
  startObserved,
  type ObservedServer,
} from "./observed-server.fixture.ts";

vi.setConfig({ testTimeout: 30_000 });

function makeApp(): express.Express {
  const app = express();
  const orgs = express.Router({ mergeParams: true });
  const users = express.Router({ mergeParams: true });
  orgs.use("/users", users);
  users.get("/", (_req, res) => void res.send("users"));
  users.get("/:user", (_req, res) => void res.send("user"));
  users.get("/:user/throws", () => {
    throw new Error("thrown");
  });
  users.get("/:user/rejects", async () => {
    throw new Error("rejected");
  });
  app.use("/orgs/:org", orgs);
  app.all("/status/:code", (req, res) => void res.writeHead(Number(req.params.code)).end());
  // eslint-disable-next-line eslint/max-params -- Express knows an error handler by its four parameters
  app.use((_error: Error, _req: Request, res: Response, _next: NextFunction) => void res.status(500).send("failed"));
  return app;
}

/** Pipelines all of `requests` over some sockets, and waits until each is answered and logged. */
async function sendAll(server: ObservedServer, requests: readonly string[]): Promise<void> {
  const SOCKETS = 8;
  const before = server.access().length;
  async function sendShare(share: number): Promise<void> {
    const own = requests.filter((_, index) => index % SOCKETS === share);
    const client = await connectRaw(server.port);
    let answers = 0;
    let tail = "";
    client.socket.removeAllListeners("data");
    const done = new Promise<void>((resolve, reject) => {
      client.socket.on("data", (data: string) => {
        const text = tail + data;
        answers += countResponses(text);
        // The beginning of a status line that the chunk has cut.
        tail = /H(T(T(P(\/(1(\.(1)?)?)?)?)?)?)?$/.exec(text)?.[0] ?? "";
        if (answers >= own.length) resolve();
      });
      client.socket.on("close", () =>
        reject(new Error(`The server closed after ${answers} of ${own.length} answers.`)),
      );
      if (own.length === 0) resolve();
    });
    client.socket.write(own.join(""));
    await done;
    client.socket.removeAllListeners("close").destroy();
  }
  await Promise.all(Array.from({ length: SOCKETS }, (_, share) => sendShare(share)));
  await server.untilLog(() => server.access().length >= before + requests.length);
}

test.each([
  ["/orgs/7/users", "/orgs/:org/users", 200],
  ["/orgs/7/users/42", "/orgs/:org/users/:user", 200],
  ["/ORGS/acme/Users/42?token=secret", "/orgs/:org/users/:user", 200],
  ["/orgs/7/users/42/throws", "/orgs/:org/users/:user/throws", 500],
  ["/orgs/7/users/42/rejects", "/orgs/:org/users/:user/rejects", 500],
])("%s is known by its whole pattern %s in log line and metric", async (path, route, status) => {
  const server = await startObserved(makeApp);
  await sendAll(server, [requestText(`GET ${path}`)]);
  expect(server.access()).toMatchObject([
    { "http.route": route, "http.response.status_code": status, "url.path": path.split("?", 1)[0] },
  ]);
  expect(await server.metrics()).toContain(
    `http_server_request_duration_seconds_count{http_request_method="GET",http_route="${route}",http_response_status_code="${status}"} 1\n`,
  );
});

test("paths that no route matches share one label, in mounted routers too", async () => {
  const server = await startObserved(makeApp);
  await sendAll(
    server,
    ["/nothing", "/orgs/7/nothing", "/orgs/7/users/1/2/3", "/%C3%A9"].map((path) => requestText(`GET ${path}`)),
  );
  for (const line of server.access()) expect(line).not.toHaveProperty("http.route");
  expect(await server.metrics()).toContain(
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="_UNMATCHED",http_response_status_code="404"} 4\n',
  );
});

const ODD_REQUESTS = 10_000;

function seriesOf(metrics: string): string[] {
  return metrics
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
}

test("10 000 odd paths, methods and status codes make no series beyond those of ordinary requests", async () => {
  const server = await startObserved(makeApp);
  // CONNECT and upgrades are no requests to a handler; 1xx is no final answer.
  const methods = METHODS.filter((method) => method !== "CONNECT");
  const ordinaryMethods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "PROPFIND"];
  const ordinaryCodes = Array.from({ length: 500 }, (_, index) => 200 + index).filter(
    (code) => code < 250 || (code >= 300 && code < 320) || (code >= 400 && code < 460) || (code >= 500 && code < 520),
  );
  await sendAll(server, [
    ...ordinaryMethods.flatMap((method) =>
      [...ordinaryCodes, 600].map((code) => requestText(`${method} /status/${code}`)),
    ),
    ...ordinaryMethods.map((method) => requestText(`${method} /`)),
    ...["", "/1"].flatMap((user) => ["GET", "HEAD"].map((method) => requestText(`${method} /orgs/1/users${user}`))),
    ...ordinaryMethods.map((method) => requestText(`${method} /orgs/1/users/2`)),
  ]);
  const ordinary = new Set(seriesOf(await server.metrics()));

  const odd = Array.from({ length: ODD_REQUESTS }, (_, index) => {
    const method = methods[index % methods.length] ?? "GET";
    const path = [
      `/status/${200 + (index % 800)}`,
      `/odd/${index}/%F0%9F%92%A9?q=${index}`,
      `/Orgs/${index}/uSers/${index}`,
      `/orgs/:org/${index}`,
    ][Math.floor(index / methods.length) % 4];
    return requestText(`${method} ${path}`, { "user-agent": `odd/${index}` });
  });
  await sendAll(server, odd);
  const metrics = await server.metrics();
  expect(seriesOf(metrics).filter((series) => !ordinary.has(series))).toEqual([]);
  const counted = [...metrics.matchAll(/^http_server_request_duration_seconds_count\{.*\} (\d+)$/gm)];
  expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(server.access().length);
  expect(await server.metric("http_server_active_requests")).toBe(0);
});

const ROUTE_BOUND = 200;

test("routes that are made up at run time are counted together beyond the bound of the label", async () => {
  const server = await startObserved(() => (_req, res) => void res.end(), { observe: { route: (req) => req.url } });
  await sendAll(
    server,
    Array.from({ length: 1000 }, (_, index) => requestText(`GET /made-up/${index}`)),
  );
  const routes = new Set([...(await server.metrics()).matchAll(/http_route="([^"]*)"/g)].map(([, route]) => route));
  expect(routes.size).toBeLessThanOrEqual(ROUTE_BOUND + 1);
  expect(routes).toContain("_OTHER");
});
