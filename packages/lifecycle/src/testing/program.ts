/** A whole service for the tests that need a process of its own. It writes what happens to stdout, a JSON line each. */

import { writeSync } from "node:fs";

import { createLifecycle, createProbeHandler } from "../index.ts";
import { createApp } from "./app.ts";
import type { ProgramPlan } from "./plan.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as ProgramPlan;

function say(line: object): void {
  const atMs = performance.timeOrigin + performance.now();
  const text = JSON.stringify({ ...line, atMs }, (_key, value: unknown) =>
    value instanceof Error ? value.message : value,
  );
  writeSync(1, `${text}\n`);
}

const never = new Promise<void>(() => {});
const lifecycle = createLifecycle(plan.lifecycle);
lifecycle.on(say);
if (plan.brokenListener === true) {
  lifecycle.on(() => {
    throw new Error("the listener broke");
  });
}
const host = "127.0.0.1";
await lifecycle.run({
  public: { handler: createApp((path) => say({ type: "began", path })), host, port: 0 },
  admin: { handler: createProbeHandler(lifecycle), host, port: 0 },
  ...(plan.prepare === undefined
    ? {}
    : {
        prepare: () => (plan.prepare === "hang" ? never : Promise.reject(new Error("no database"))),
      }),
  ignoreSignal: () => plan.ignoreSignals === true,
  close: plan.hangingClose === true ? [{ name: "database", close: () => never }] : [],
  flush: plan.hangingFlush === true ? [{ name: "telemetry", close: () => never }] : [],
});
