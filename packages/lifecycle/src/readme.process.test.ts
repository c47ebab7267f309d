import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { expect, onTestFinished, test } from "vitest";

import type { LifecycleEvent, ListeningEvent } from "./events.ts";
import { get } from "./testing/http-get.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

test("the README's example serves, drains without losing the request in flight, and exits 0", async () => {
  const example = /```ts\n(.+?)```/s.exec(readFileSync(`${PACKAGE}/README.md`, "utf8"))?.[1] ?? "";
  const child = spawn(process.execPath, ["--input-type=module-typescript"], {
    cwd: PACKAGE,
    env: { ...process.env, PORT: "0", ADMIN_PORT: "0" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  child.stdin.end(example);

  const ports: Partial<Record<ListeningEvent["server"], number>> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as LifecycleEvent;
    if (event.type === "listening") {
      ports[event.server] = event.port;
    }
    if (event.type === "state") {
      break; // ready
    }
  }
  child.stdout.resume();
  expect((await get(ports.admin ?? 0, "/readyz")).status).toBe(200);
  const answer = get(ports.public ?? 0, "/hello");
  // The request has begun when a later one over another connection has been answered.
  await get(ports.public ?? 0, "/not-found");
  child.kill("SIGTERM");
  expect(await answer).toMatchObject({
    status: 200,
    body: '{"hello":"world"}',
    headers: { connection: "close" },
  });
  expect(await exited).toEqual([0, null]);
});
