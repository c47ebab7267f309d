import { expect, test } from "vitest";

import { startLocal } from "./testing/local.ts";
import { openClient } from "./testing/raw-client.ts";

test("pipelined requests count each, and are right again when they are answered", async () => {
  const { lifecycle, port, began } = await startLocal();
  const client = await openClient(port);
  client.get("/slow?ms=100", "/one", "/slow?ms=50");
  await expect.poll(() => began.length).toBe(3);
  expect(lifecycle).toMatchObject({ inFlight: 3, connections: 1 });
  for (let i = 0; i < 3; i += 1) {
    await client.response();
  }
  await expect.poll(() => lifecycle.inFlight).toBe(0);
  expect(lifecycle.connections).toBe(1);
});

test("requests that are aborted, those that wait behind another one included, count no more", async () => {
  const { lifecycle, port, began } = await startLocal();
  const client = await openClient(port);
  client.get("/stuck", "/one", "/stuck", "/two");
  const other = await openClient(port);
  other.get("/slow?ms=300");
  await expect.poll(() => began.length).toBe(5);
  expect(lifecycle.inFlight).toBe(5);
  client.destroy();
  await expect.poll(() => lifecycle.inFlight).toBe(1);
  expect(lifecycle.connections).toBe(1);
  await other.response();
  await expect.poll(() => lifecycle.inFlight).toBe(0);
});

test("a body that is aborted on its way in counts no more", async () => {
  const { lifecycle, port, began } = await startLocal();
  const client = await openClient(port);
  client.write("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf");
  await expect.poll(() => began.length).toBe(1);
  expect(lifecycle.inFlight).toBe(1);
  client.destroy();
  await expect.poll(() => lifecycle.inFlight).toBe(0);
});

test("admin requests are not counted", async () => {
  const { lifecycle, adminPort } = await startLocal();
  const client = await openClient(adminPort);
  client.get("/livez");
  await client.response();
  expect(lifecycle).toMatchObject({ inFlight: 0, connections: 0 });
});

test("after maxRequests a response says close; with 0 none ever does", async () => {
  const aged = await startLocal({ connection: { maxRequests: 3, maxAgeSeconds: 0, jitter: 0 } });
  const client = await openClient(aged.port);
  const said: (string | undefined)[] = [];
  for (let i = 0; i < 3; i += 1) {
    client.get("/");
    said.push((await client.response()).headers["connection"]);
  }
  expect(said).toEqual(["keep-alive", "keep-alive", "close"]);
  expect(await client.closed).toBe("end");

  const ageless = await startLocal({ connection: { maxRequests: 0, maxAgeSeconds: 0 } });
  const staying = await openClient(ageless.port);
  for (let i = 0; i < 10; i += 1) {
    staying.get("/");
    expect((await staying.response()).headers["connection"]).toBe("keep-alive");
  }
});

test("after maxAgeSeconds the next response says close, but an idle socket is never closed for its age", async () => {
  const { port } = await startLocal({ connection: { maxAgeSeconds: 0.1, jitter: 0 } });
  const client = await openClient(port);
  client.get("/young");
  expect((await client.response()).headers["connection"]).toBe("keep-alive");
  // No event marks that nothing happens.
  await new Promise((resolve) => {
    setTimeout(resolve, 250);
  });
  expect(client.isClosed()).toBe(false);
  client.get("/old");
  expect(await client.response()).toMatchObject({ status: 200, headers: { connection: "close" } });
  expect(await client.closed).toBe("end");
});

test("age closes after the last of the pipelined requests, so that all are answered", async () => {
  const { port } = await startLocal({ connection: { maxRequests: 2, maxAgeSeconds: 0, jitter: 0 } });
  const client = await openClient(port);
  client.get("/1", "/2", "/3", "/4");
  const said: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const { body, headers } = await client.response();
    said.push(`${body} ${headers["connection"]}`);
  }
  expect(said).toEqual(["/1 keep-alive", "/2 keep-alive", "/3 keep-alive", "/4 close"]);
  expect(await client.closed).toBe("end");
});

test("what is sent after `Connection: close` was written is not processed, so that it may be repeated elsewhere", async () => {
  const { port, began } = await startLocal({ connection: { maxRequests: 1, maxAgeSeconds: 0, jitter: 0 } });
  const client = await openClient(port);
  client.get("/stream?ms=200"); // its headers are out at once
  await expect.poll(() => began.length).toBe(1);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  client.get("/too-late");
  expect(await client.response()).toMatchObject({ body: "1234567890", headers: { connection: "close" } });
  await client.closed;
  expect(began).toEqual(["/stream?ms=200"]);
});
