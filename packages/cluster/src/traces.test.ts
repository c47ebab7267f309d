import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ClusterError } from "./errors.ts";
import type { Kubectl } from "./kubectl.ts";
import { nodePorts } from "./names.ts";
import { readSpans, readTrace } from "./traces.ts";

const traceId = "5b8efff798038103d269b633813fc60c";

/** A line of the trace gateway's file, as the collector 0.159.0 wrote it. */
const fileLine =
  '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.instance.id","value":{"stringValue":"shop-1"}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"GET /api/products/:id","kind":2,"startTimeUnixNano":"1764000000123456789","endTimeUnixNano":"1764000000223456789","attributes":[{"key":"http.response.status_code","value":{"intValue":"503"}},{"key":"b","value":{"boolValue":true}},{"key":"d","value":{"doubleValue":1.5}},{"key":"a","value":{"arrayValue":{"values":[{"stringValue":"x"}]}}}],"status":{"code":2}}]}]}]}';
const span = {
  traceId,
  spanId: "eee19b7ec3c1b174",
  parentSpanId: "eee19b7ec3c1b173",
  name: "GET /api/products/:id",
  kind: "server",
  service: "shop",
  instance: "shop-1",
  startMs: 1_764_000_000_123.456,
  durationMs: 100,
  error: true,
  attributes: {
    "http.response.status_code": 503,
    b: true,
    d: 1.5,
    a: '{"arrayValue":{"values":[{"stringValue":"x"}]}}',
  },
};

let server: Server | undefined;
afterEach(() => server?.close());

async function jaeger(status: number, answer: unknown): Promise<Record<keyof typeof nodePorts, number>> {
  server = createServer((request, response) => {
    response.statusCode = request.url === `/api/v3/traces/${traceId}` ? status : 500;
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => void server?.listen(0, "127.0.0.1", resolve));
  return { ...nodePorts, traces: (server.address() as AddressInfo).port };
}

function cluster(ports: Record<keyof typeof nodePorts, number>, files: string) {
  const asked: string[][] = [];
  const kubectl = {
    run(args: readonly string[]) {
      asked.push([...args]);
      return Promise.resolve(files);
    },
  } as unknown as Kubectl;
  return { name: "holdfast", ports, kubectl, asked };
}

test("a span has its parent, its kind, its service and replica, its times and attributes", () => {
  expect(readSpans(JSON.parse(fileLine), traceId)).toEqual([span]);
});

test("spans of other traces in the same document are left out", () => {
  expect(readSpans(JSON.parse(fileLine), "0".repeat(32))).toEqual([]);
});

test("protobuf's own JSON, with names of enumerations and ids as base64, says the same", () => {
  const base64 = (id: string) => Buffer.from(id, "hex").toString("base64");
  const other = fileLine
    .replace('"kind":2', '"kind":"SPAN_KIND_SERVER"')
    .replace('"code":2', '"code":"STATUS_CODE_ERROR"')
    .replaceAll(/"(5b8e\w+|eee1\w+)"/g, (_, id: string) => `"${base64(id)}"`);
  expect(readSpans(JSON.parse(other), traceId)).toEqual([span]);
});

test("a root has no parent, whether that is absent, empty or nought", () => {
  for (const parent of ["", '"parentSpanId":"",', '"parentSpanId":"0000000000000000",']) {
    const root = fileLine.replace('"parentSpanId":"eee19b7ec3c1b173",', parent);
    expect(readSpans(JSON.parse(root), traceId)[0]).not.toHaveProperty("parentSpanId");
  }
});

test("without Jaeger the gateway's files are searched; a span twice is one, a line that is being written none", async () => {
  const child = fileLine.replace("eee19b7ec3c1b174", "eee19b7ec3c1b175").replaceAll("1764000000", "1763999999");
  const { asked, ...found } = cluster(
    { ...nodePorts, traces: 0 },
    `${fileLine}\n${fileLine}\n${child}\n{"resourceSpans":[{`,
  );
  const { spans, from } = await readTrace(found, { traceId: traceId.toUpperCase() });
  expect(from).toBe("file");
  expect(spans.map(({ spanId }) => spanId)).toEqual(["eee19b7ec3c1b175", "eee19b7ec3c1b174"]);
  expect(asked[0]?.join(" ")).toContain(`-c reader -- sh -c cat /spans/*.jsonl 2>/dev/null | grep -F ${traceId}`);
});

test("Jaeger's answer counts where it knows the trace", async () => {
  const found = cluster(await jaeger(200, { result: JSON.parse(fileLine) as unknown }), "");
  expect(await readTrace(found, { traceId })).toEqual({ spans: [span], from: "jaeger" });
});

test("a trace that Jaeger does not know is looked for in the files", async () => {
  const found = cluster(await jaeger(404, { error: { httpCode: 404, message: "trace not found" } }), fileLine);
  expect(await readTrace(found, { traceId })).toEqual({ spans: [span], from: "file" });
});

test("what is no trace id reaches no shell", async () => {
  const { asked, ...found } = cluster(nodePorts, "");
  for (const wrong of ["", "; ls", `${traceId}0`, traceId.replace("5", "g")]) {
    await expect(readTrace(found, { traceId: wrong })).rejects.toMatchObject({ code: "BAD_OPTIONS" });
  }
  expect(asked).toEqual([]);
});

test("where the gateway's pod is away, the sentence says who keeps the spans and what puts it back", async () => {
  const kubectl = {
    run: () => Promise.reject(new ClusterError("TOOL_FAILED", "Could not read spans from the trace gateway.")),
  } as unknown as Kubectl;
  const found = readTrace({ name: "shop", ports: { ...nodePorts, traces: 0 }, kubectl }, { traceId });
  await expect(found).rejects.toMatchObject({
    code: "PLATFORM_AWAY",
    message: expect.stringMatching(
      /trace gateway of cluster "shop".+`\.\/holdfast up --name shop` puts back/,
    ) as string,
  });
});
