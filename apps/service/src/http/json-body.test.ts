import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { problemIn, testAgent, testApi } from "../api.fixture.ts";

const LIMIT_BYTES = 500;
const agent = testAgent({ bodyLimitBytes: LIMIT_BYTES });
const order = JSON.stringify({ items: [{ productId: "oak-chair", quantity: 1 }] });

function send(type: string | undefined, body: string | Buffer = order) {
  const post = agent
    .post("/api/orders")
    .set("Idempotency-Key", "key")
    .serialize((content) => content as string);
  if (type !== undefined) post.set("Content-Type", type);
  return post.send(body as string);
}

test.each([
  "application/json",
  "Application/JSON",
  "application/json; charset=utf-8",
  'application/json;charset="UTF-8"',
  "application/json; profile=x",
])("%s is read", async (type) => {
  expect((await send(type)).status).toBe(201);
});

test.each([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/xml",
  "application/json5",
  ";;;",
  "json",
  "application/json; charset=utf-16",
  "application/json; charset=latin1",
  "application/json; charset=",
])("%s is 415, and says what is read", async (type) => {
  const response = await send(type);
  expect(problemIn(response)).toBe("415 BODY_TYPE_UNSUPPORTED");
  expect(response.headers["accept"]).toBe("application/json");
});

test.each(["gzip", "br", "deflate", "zstd", "x-unknown", "gzip, gzip"])(
  "a body in %s is 415, and says what is read",
  async (encoding) => {
    const response = await send("application/json", gzipSync(order)).set("Content-Encoding", encoding);
    expect(problemIn(response)).toBe("415 BODY_TYPE_UNSUPPORTED");
    expect(response.headers["accept-encoding"]).toBe("identity");
  },
);

test.each(["{", "{'items':[]}", "[1,]", "NaN", "undefined", "\u0000", '{"a":1}{"b":2}'])(
  "%s is no JSON",
  async (body) => {
    expect(problemIn(await send("application/json", body))).toBe("400 BODY_NOT_JSON");
  },
);

test("bytes that are no UTF-8 are not guessed at", async () => {
  expect(problemIn(await send("application/json", Buffer.from('{"items":"\xff"}', "latin1")))).toBe(
    "400 BODY_NOT_JSON",
  );
});

test("no body is 400, with and without a type", async () => {
  expect(problemIn(await agent.post("/api/orders").set("Idempotency-Key", "key"))).toBe("400 BODY_MISSING");
  expect(problemIn(await send("application/json", ""))).toBe("400 BODY_MISSING");
});

test("a body up to the limit is read, one byte more is 413", async () => {
  const padded = (bytes: number) => order + " ".repeat(bytes - order.length);
  expect((await send("application/json", padded(LIMIT_BYTES))).status).toBe(201);
  expect(problemIn(await send("application/json", padded(LIMIT_BYTES + 1)))).toBe("413 BODY_TOO_LARGE");
});

/** Sends bytes as they are and gives what comes back until the end. */
async function raw(bytes: string): Promise<string> {
  const server = createServer(testApi({ bodyLimitBytes: LIMIT_BYTES })).listen(0);
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port);
  socket.write(bytes);
  const answer = await text(socket);
  server.close();
  return answer;
}

test("chunks without a stated length meet the same limit", async () => {
  const chunk = `100\r\n${" ".repeat(0x100)}\r\n`;
  const answer = await raw(
    `POST /api/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}0\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"code":"BODY_TOO_LARGE"');
});
