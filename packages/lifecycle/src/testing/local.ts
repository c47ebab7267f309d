/** A lifecycle inside the test's own process, for what needs sockets but no process. */

import { onTestFinished } from "vitest";

import type { LifecycleEvent } from "../events.ts";
import { createLifecycle } from "../lifecycle.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { LifecycleOptions } from "../options.ts";
import { createProbeHandler } from "../probe-handler.ts";
import type { RunOptions } from "../run.ts";
import { createApp } from "./app.ts";

export interface LocalReplica {
  readonly lifecycle: Lifecycle;
  readonly port: number;
  readonly adminPort: number;
  readonly events: readonly LifecycleEvent[];
  /** Paths of the requests that began. */
  readonly began: readonly string[];
  /** Resolves with the first event that matches, also one that was there before. */
  event(matches: (event: LifecycleEvent) => boolean): Promise<LifecycleEvent>;
  /** Drains, and resolves with the exit's code. */
  stop(): Promise<number | undefined>;
}

export async function startLocal(opts: LifecycleOptions = {}, run: Partial<RunOptions> = {}): Promise<LocalReplica> {
  const lifecycle = createLifecycle({ announceSeconds: 0, ...opts });
  const stopping = new AbortController();
  const events: LifecycleEvent[] = [];
  const began: string[] = [];
  const hearers = new Set<() => void>();
  lifecycle.on((event) => {
    events.push(event);
    hearers.forEach((hear) => hear());
  });
  function event(matches: (event: LifecycleEvent) => boolean): Promise<LifecycleEvent> {
    return new Promise((resolve) => {
      const hear = (): void => {
        const found = events.find(matches);
        if (found !== undefined) {
          hearers.delete(hear);
          resolve(found);
        }
      };
      hearers.add(hear);
      hear();
    });
  }

  let code: number | undefined;
  const ran = lifecycle.run({
    public: { handler: createApp((path) => began.push(path)), host: "127.0.0.1", port: 0 },
    admin: { handler: createProbeHandler(lifecycle), host: "127.0.0.1", port: 0 },
    signals: false,
    stop: stopping.signal,
    exit: (exitCode) => void (code = exitCode),
    ...run,
  });
  async function stop(): Promise<number | undefined> {
    stopping.abort();
    await ran;
    return code;
  }
  onTestFinished(async () => void (await stop()));

  const port = (server: "public" | "admin"): number => {
    const found = events.find((each) => each.type === "listening" && each.server === server);
    return found?.type === "listening" ? found.port : 0;
  };
  await Promise.race([event((each) => each.type === "state" && each.to !== "starting"), ran]);
  return { lifecycle, port: port("public"), adminPort: port("admin"), events, began, event, stop };
}
