import { expect, test } from "vitest";

import { startLocal } from "./testing/local.ts";
import { openClient } from "./testing/raw-client.ts";
import type { RawResponse } from "./testing/raw-client.ts";

/** `answered` is status and code. */
function expectProblem(response: RawResponse, answered: string): void {
  expect(response.headers).toMatchObject({
    "content-type": "application/problem+json",
    "content-length": String(Buffer.byteLength(response.body)),
    connection: "close",
  });
  const { type, status, code } = JSON.parse(response.body) as Record<string, unknown>;
  expect(type).toBe("about:blank");
  expect(status).toBe(response.status);
  expect(`${response.status} ${code}`).toBe(answered);
}

test.each([
  ["what is no HTTP", "\u0016\u0003\u0001 hello\r\n\r\n", "400 HTTP_MALFORMED"],
  ["an unknown method", "BREW / HTTP/1.1\r\nHost: test\r\n\r\n", "400 HTTP_MALFORMED"],
  ["a header without a colon", "GET / HTTP/1.1\r\nHost: test\r\nbroken\r\n\r\n", "400 HTTP_MALFORMED"],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "400 HTTP_MALFORMED",
  ],
  [
    "length and chunks",
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "400 HTTP_MALFORMED",
  ],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", "400 HOST_MISSING"],
  [
    "headers that are too large",
    `GET / HTTP/1.1\r\nHost: test\r\nx: ${"x".repeat(100_000)}\r\n\r\n`,
    "431 HEADERS_TOO_LARGE",
  ],
  ["a path that is too long", `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: test\r\n\r\n`, "431 HEADERS_TOO_LARGE"],
  ["an expectation nobody meets", "GET / HTTP/1.1\r\nHost: test\r\nExpect: magic\r\n\r\n", "417 EXPECTATION_UNKNOWN"],
  ["CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: test\r\n\r\n", "405 METHOD_NOT_ALLOWED"],
])("%s is answered with a problem document", async (_name, bytes, answered) => {
  const { port, began } = await startLocal();
  const client = await openClient(port);
  client.write(bytes);
  expectProblem(await client.response(), answered);
  expect(await client.closed).toBe("end");
  expect(began).toEqual([]);

  const next = await openClient(port);
  next.get("/alive");
  expect(await next.response()).toMatchObject({ status: 200, body: "/alive" });
});

test("a body whose chunks break is answered with 400 in the place of its request", async () => {
  const { lifecycle, port } = await startLocal();
  const client = await openClient(port);
  client.write("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  expectProblem(await client.response(), "400 HTTP_MALFORMED");
  await client.closed;
  await expect.poll(() => lifecycle.inFlight).toBe(0);
});

test("the answer reaches a client that goes on sending", async () => {
  const { port } = await startLocal();
  const client = await openClient(port);
  client.write(`GET / HTTP/1.1\r\nHost: test\r\nx: ${"x".repeat(5_000_000)}`);
  expectProblem(await client.response(), "431 HEADERS_TOO_LARGE");
  // Not reset: a reset may throw away an answer that has not been read yet.
  expect(await client.closed).toBe("end");
});

test("requests before the malformed one are answered first, and nothing after it is", async () => {
  const { port, began } = await startLocal();
  const client = await openClient(port);
  client.get("/slow?ms=100", "/second");
  client.write("NONSENSE\r\n\r\nGET /third HTTP/1.1\r\nHost: test\r\n\r\n");
  expect(await client.response()).toMatchObject({ status: 200, body: "slow ?ms=100" });
  expect(await client.response()).toMatchObject({ status: 200, body: "/second" });
  expectProblem(await client.response(), "400 HTTP_MALFORMED");
  await client.closed;
  expect(began).toEqual(["/slow?ms=100", "/second"]);
});

test("a request that comes too slowly is answered with 408, a socket that never speaks is closed without a word", async () => {
  const { port } = await startLocal({ timeouts: { headersSeconds: 0.2, requestSeconds: 0.3 } });
  const slowHeaders = await openClient(port);
  slowHeaders.write("GET / HTTP/1.1\r\nHost:");
  const slowBody = await openClient(port);
  slowBody.write("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
  const silent = await openClient(port);
  expectProblem(await slowHeaders.response(), "408 REQUEST_TIMEOUT");
  expectProblem(await slowBody.response(), "408 REQUEST_TIMEOUT");
  expect(await silent.closed).toBe("end");
  await expect(silent.response()).rejects.toThrow("before a whole response came");
});

test("a handler that takes longer than the request timeout is not disturbed", async () => {
  const { port } = await startLocal({ timeouts: { headersSeconds: 0.1, requestSeconds: 0.1 } });
  const client = await openClient(port);
  client.get("/slow?ms=900");
  expect(await client.response()).toMatchObject({ status: 200 });
});

test("a flood of nonsense leaves no socket behind", async () => {
  const { lifecycle, port } = await startLocal();
  const clients = await Promise.all(Array.from({ length: 100 }, () => openClient(port)));
  clients.forEach((client) => client.write(`${"nonsense ".repeat(1000)}\r\n\r\n`));
  await Promise.all(clients.map((client) => client.closed));
  await expect.poll(() => lifecycle.connections).toBe(0);
  expect(lifecycle.inFlight).toBe(0);
});
