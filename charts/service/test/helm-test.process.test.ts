/** What `helm test` runs in the cluster, run here: the rendered script, against a server of this process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, expect, test } from "vitest";

import { onlyOfKind, render } from "./render.ts";

let server: Server;
let connections: number;
/** Number of the request -> status; 200 where it is not here. */
let statuses: Map<number, number>;
let requests: number;

beforeEach(async () => {
  [connections, requests, statuses] = [0, 0, new Map()];
  server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(statuses.get(requests) ?? 200).end("answer");
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function askAsHelmTest(): Promise<{ code: number; said: string }> {
  const [container] = onlyOfKind(render().objects, "Pod").spec?.containers ?? [];
  const [flag = "", script = ""] = container?.args ?? [];
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/status`;
  const child = spawn(process.execPath, [flag, script, url], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

test("every question has a connection of its own, so that the Service chooses a replica for each", async () => {
  const { code, said } = await askAsHelmTest();
  expect([code, said]).toEqual([0, expect.stringContaining("/status answered 20 times in a row")]);
  expect([requests, connections]).toEqual([20, 20]);
});

test("an answer that is no yes begins the row anew", async () => {
  statuses.set(5, 503);
  const { code, said } = await askAsHelmTest();
  expect(code).toBe(0);
  expect(said).toContain("status 503");
  expect(requests).toBe(25);
});
