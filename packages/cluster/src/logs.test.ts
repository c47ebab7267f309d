import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { queryLogs, readStoredLine } from "./logs.ts";
import { nodePorts } from "./names.ts";

/** As VictoriaLogs v1.51.0 answered for a line of our service, and for one that is no JSON. */
const requestLine =
  '{"_msg":"request","_stream":"{k8s.container.name=\\"main\\",k8s.namespace.name=\\"dev-a\\",k8s.pod.name=\\"chatter\\"}","_stream_id":"00000000000000009e82e1a02a26ebfba975045de982caf6","_time":"2026-11-24T14:23:28.123Z","http.response.status_code":"200","k8s.container.name":"main","k8s.container.restart_count":"0","k8s.namespace.name":"dev-a","k8s.node.name":"dev-worker","k8s.pod.label.instance":"chatter","k8s.pod.name":"chatter","k8s.pod.uid":"9d314648-7d62-4119-8656-8fdcd3c93257","level":"warn","log.iostream":"stdout","nested.a":"1","nested.b":"[1,2]","scope.name":"unknown","scope.version":"unknown","seq":"120","service.instance.id":"x-1","service.name":"shop","severity_number":"13","severity_text":"warn","span_id":"b7ad6b7169203331","trace_flags":"01","trace_id":"0af7651916cd43dd8448eb211c80319c"}';
const plainLine =
  '{"_msg":"plain words","_stream":"{k8s.container.name=\\"main\\",k8s.namespace.name=\\"dev-a\\",k8s.pod.name=\\"chatter\\"}","_stream_id":"00000000000000009e82e1a02a26ebfba975045de982caf6","_time":"2026-11-24T14:23:28.123121254Z","k8s.container.name":"main","k8s.namespace.name":"dev-a","k8s.pod.label.instance":"chatter","k8s.pod.name":"chatter","severity_number":"0","severity_text":"Unspecified"}';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function answering(
  answer: (write: (text: string) => void, request: IncomingMessage) => number | undefined,
): Promise<{ name: string; ports: Record<keyof typeof nodePorts, number> }> {
  server = createServer((request, response) => {
    const texts: string[] = [];
    response.statusCode = answer((text) => texts.push(text), request) ?? 200;
    for (const text of texts) response.write(text);
    response.end();
  });
  await new Promise<void>((resolve) => void server?.listen(0, "127.0.0.1", resolve));
  return { name: "holdfast", ports: { ...nodePorts, logs: (server.address() as AddressInfo).port } };
}

test("a line of a service has its ids, its number and its fields", () => {
  expect(readStoredLine(requestLine)).toMatchObject({
    time: "2026-11-24T14:23:28.123Z",
    message: "request",
    pod: "chatter",
    namespace: "dev-a",
    container: "main",
    node: "dev-worker",
    service: "shop",
    level: "warn",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    seq: 120,
    fields: { "nested.b": "[1,2]", "http.response.status_code": "200" },
  });
});

test("a line that is no JSON is its pod's, with the release for its service and no level", () => {
  const line = readStoredLine(plainLine);
  expect(line).toMatchObject({ message: "plain words", service: "chatter" });
  for (const absent of ["level", "traceId", "spanId", "seq", "node"]) expect(line).not.toHaveProperty(absent);
});

test("what comes in pieces is put together, and by time; a shorter fraction of a second is no later one", async () => {
  const cluster = await answering((write) => {
    write(plainLine.slice(0, 40));
    write(`${plainLine.slice(40)}\n${requestLine.replace('"seq":"120"', '"seq":"121"')}\n${requestLine}`);
    return undefined;
  });
  const lines = await queryLogs(cluster, { query: "*" });
  expect(lines.map(({ seq }) => seq)).toEqual([120, 121, undefined]);
});

test("the query and the limit are sent as a form", async () => {
  const body = Promise.withResolvers<string>();
  const cluster = await answering((_, request) => {
    let text = "";
    request.setEncoding("utf8").on("data", (more: string) => (text += more));
    request.on("end", () => body.resolve(text));
    return undefined;
  });
  expect(await queryLogs(cluster, { query: 'trace_id:="a&b"', limit: 5 })).toEqual([]);
  expect(Object.fromEntries(new URLSearchParams(await body.promise))).toEqual({ query: 'trace_id:="a&b"', limit: "5" });
});

test("a query that VictoriaLogs refuses is the caller's fault, in VictoriaLogs' words", async () => {
  const said = 'cannot parse `query` arg [foo:(]: unexpected end of query after "("';
  const cluster = await answering((write) => {
    write(said);
    return 400;
  });
  await expect(queryLogs(cluster, { query: "foo:(" })).rejects.toMatchObject({
    code: "BAD_OPTIONS",
    message: expect.stringContaining(said) as string,
  });
});

test("where VictoriaLogs is away, the error says how to look and what to do", async () => {
  const cluster = await answering(() => undefined);
  server?.close();
  server?.closeAllConnections();
  await expect(queryLogs(cluster, { query: "*" })).rejects.toMatchObject({
    code: "PLATFORM_AWAY",
    message: expect.stringMatching(/VictoriaLogs .*ECONNREFUSED.*statefulset\/victoria-logs.*holdfast up/) as string,
  });
  const overloaded = await answering(() => 503);
  await expect(queryLogs(overloaded, { query: "*" })).rejects.toMatchObject({ code: "PLATFORM_AWAY" });
});

test.each(["<html>\n", "<html>"])("what is no answer of VictoriaLogs (%j) is not called away", async (page) => {
  const other = await answering((write) => {
    write(page);
    return undefined;
  });
  await expect(queryLogs(other, { query: "*" })).rejects.toMatchObject({
    code: "TOOL_FAILED",
    message: expect.stringMatching(
      /What answers for VictoriaLogs .* See whether something else has that port/,
    ) as string,
  });
});

test("a cluster that was made before there was such a port has to be made anew", async () => {
  const old = { name: "old", ports: { ...nodePorts, logs: 0 } };
  await expect(queryLogs(old, { query: "*" })).rejects.toMatchObject({
    code: "CLUSTER_DIFFERS",
    message: expect.stringMatching(/holdfast down --name old.*makes it anew/) as string,
  });
});

test("a caller who stops is told so", async () => {
  const cluster = await answering(() => undefined);
  await expect(queryLogs(cluster, { query: "*", signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "ABORTED",
  });
});
