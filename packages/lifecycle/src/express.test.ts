import express from "express";
import { expect, test } from "vitest";

import { startLocal } from "./testing/local.ts";
import { openClient } from "./testing/raw-client.ts";

// Express gives request and response prototypes of its own, and some of its middlewares hook writeHead as well.
test("an Express app: its responses, errors and unknown routes carry the close, a 304 too", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let began = 0;
  const app = express();
  app.use(async (_request, _response, next) => {
    began += 1;
    await held;
    next();
  });
  app.get("/json", (_request, response) => void response.json({ is: "json" }));
  app.get("/throws", () => {
    throw Object.assign(new Error("teapot"), { status: 418 });
  });
  app.get("/same", (_request, response) => void response.set("ETag", '"1"').send("same"));

  const replica = await startLocal({}, { public: { handler: app, host: "127.0.0.1", port: 0 } });
  const paths = ["/json", "/throws", "/unknown", "/same"];
  const clients = await Promise.all(paths.map(() => openClient(replica.port)));
  clients.forEach((client, i) => {
    client.write(`GET ${paths[i]} HTTP/1.1\r\nHost: test\r\nIf-None-Match: "1"\r\n\r\n`);
  });
  await expect.poll(() => began).toBe(4);
  const stopped = replica.stop();
  await replica.event((event) => event.type === "phase" && event.phase === "drain");
  release();

  const responses = await Promise.all(clients.map((client) => client.response()));
  expect(responses.map((response) => response.status)).toEqual([200, 418, 404, 304]);
  expect(responses.map((response) => response.headers["connection"])).toEqual(paths.map(() => "close"));
  expect(await stopped).toBe(0);
});
