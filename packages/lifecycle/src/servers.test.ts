import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, onTestFinished, test } from "vitest";

import { BIG_BODY_BYTES, createApp } from "./testing/app.ts";
import { startLocal } from "./testing/local.ts";
import { openClient } from "./testing/raw-client.ts";

test("a drain delivers what has ended but is still on its way to a slow reader", async () => {
  const replica = await startLocal();
  const client = await openClient(replica.port);
  client.pause();
  client.get("/big");
  await expect.poll(() => replica.began.length).toBe(1);
  const stopped = replica.stop();
  await replica.event((event) => event.type === "phase" && event.phase === "drain");
  client.resume();
  expect((await client.response()).body).toHaveLength(BIG_BODY_BYTES);
  expect(await stopped).toBe(0);
});

test("control: the close() of node's http.Server cuts it, which is why the drain does not use it", async () => {
  const began: string[] = [];
  const server = createServer(createApp((path) => began.push(path)));
  onTestFinished(() => server.closeAllConnections());
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const client = await openClient((server.address() as AddressInfo).port);
  client.pause();
  client.get("/big");
  await expect.poll(() => began.length).toBe(1);
  server.close();
  client.resume();
  await expect(client.response()).rejects.toThrow("before a whole response came");
});
