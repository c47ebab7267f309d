import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { sendSampled } from "./sampled-request.ts";

async function serve(status: number): Promise<{ url: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((req, res) => {
    seen.push(req.headers);
    res.writeHead(status).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`, seen };
}

test.for([200, 503])("a request that asks for its trace to be stored, answered %d", async (status) => {
  const { url, seen } = await serve(status);
  const sent = await sendSampled(url, { hint: "" });
  expect(sent).toMatchObject({ status, url, method: "GET" });
  expect(sent.traceId).toMatch(/^[\da-f]{32}$/);
  expect(seen.map(({ traceparent }) => traceparent)).toEqual([`00-${sent.traceId}-${sent.spanId}-01`]);
  expect((await sendSampled(url, { hint: "" })).traceId).not.toBe(sent.traceId);
});

test("where nobody answers, where to look is said", async () => {
  await expect(sendSampled("http://127.0.0.1:9", { hint: "Look there." })).rejects.toMatchObject({
    code: "NO_ANSWER",
    exitCode: 4,
    message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9 does not answer: .*ECONNREFUSED.*\. Look there\.$/),
  });
});
