// Fleets for the tests: of the fixture replica, with short times, and gone with their files when the test is over.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect, isDeepStrictEqual } from "node:util";
import { Agent, request } from "undici";
import type { FleetEvent } from "./events.ts";
import { createFleet } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetOptions, ProbeOptions, ProbesOptions, ReplicaCommand, ReplicaSpec } from "./options.ts";
import type { ReplicaStatus } from "./replica.ts";

const program = fileURLToPath(new URL("./replica.fixture.mjs", import.meta.url));

export function fixtureCommand(spec: ReplicaSpec, env: Record<string, string> = {}): ReplicaCommand {
  return {
    command: [process.execPath, program],
    env: { NAME: spec.name, VERSION: spec.version, PORT: `${spec.port}`, ADMIN_PORT: `${spec.adminPort}`, ...env },
  };
}

/** Quick enough for a test, slow enough for a busy machine. */
const quickProbes = {
  startup: { periodMs: 25, timeoutMs: 1_000, failureThreshold: 400 },
  readiness: { periodMs: 50, timeoutMs: 1_000, failureThreshold: 2 },
  liveness: { periodMs: 100, timeoutMs: 1_000, failureThreshold: 3 },
};

type Matching<T extends FleetEvent["type"]> = Extract<FleetEvent, { type: T }>;

export interface TestFleet extends Fleet, AsyncDisposable {
  readonly events: FleetEvent[];
  /** The first event of this type (and like this), past or to come. */
  event<T extends FleetEvent["type"]>(type: T, like?: (event: Matching<T>) => boolean): Promise<Matching<T>>;
  the(state?: ReplicaStatus["state"]): ReplicaStatus;
  admin(replica: ReplicaStatus, path: string): Promise<string>;
  log(replica: { logFile: string }): string;
  logDir: string;
}

export function testFleet(
  opts: Partial<Omit<FleetOptions, "probes">> & {
    probes?: { [probe in keyof ProbesOptions]: Partial<ProbeOptions> };
    env?: Record<string, string> | ((spec: ReplicaSpec) => Record<string, string>);
  } = {},
): TestFleet {
  const { env = {}, probes = {}, ...rest } = opts;
  const logDir = mkdtempSync(join(tmpdir(), "fleet-test-"));
  const events: FleetEvent[] = [];
  const watchers = new Set<(event: FleetEvent) => void>();
  const fleet = createFleet({
    name: "web",
    port: 0,
    replicas: 1,
    version: "1",
    logDir,
    replica: (spec) => fixtureCommand(spec, typeof env === "function" ? env(spec) : env),
    endpointLagMs: 0,
    exitNoticeMs: 0,
    terminationGraceMs: 5_000,
    ...rest,
    probes: {
      startup: { ...quickProbes.startup, ...probes.startup },
      readiness: { ...quickProbes.readiness, ...probes.readiness },
      liveness: { ...quickProbes.liveness, ...probes.liveness },
    },
  });
  fleet.on((event) => {
    events.push(event);
    for (const watcher of watchers) watcher(event);
  });

  function event<T extends FleetEvent["type"]>(type: T, like: (event: Matching<T>) => boolean = () => true) {
    return new Promise<Matching<T>>((resolve) => {
      function look(event: FleetEvent): boolean {
        if (event.type !== type || !like(event as Matching<T>)) return false;
        watchers.delete(look);
        resolve(event as Matching<T>);
        return true;
      }
      if (!events.some(look)) watchers.add(look);
    });
  }

  const helpers = {
    events,
    event,
    logDir,
    the(state: ReplicaStatus["state"] = "ready") {
      const found = fleet.replicas().find((replica) => replica.state === state);
      if (found === undefined) throw new Error(`None is ${state}: ${fleet.replicas().map((replica) => replica.state)}`);
      return found;
    },
    async admin(replica: ReplicaStatus, path: string) {
      const response = await request(`http://127.0.0.1:${replica.adminPort}${path}`, { method: "POST" });
      return response.body.text();
    },
    log: (replica: { logFile: string }) => readFileSync(replica.logFile, "utf8"),
    async [Symbol.asyncDispose]() {
      await fleet.stop({ graceMs: 0 });
      rmSync(logDir, { recursive: true });
    },
  };
  // The getters of the fleet stay getters.
  return Object.defineProperties(helpers, Object.getOwnPropertyDescriptors(fleet)) as typeof helpers & Fleet;
}

/** Asks until the answer is as expected, for 20 s; vitest's own poll does not know its test where tests run side by side. */
export async function eventually(ask: () => unknown, expected: unknown): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (isDeepStrictEqual(answer, expected)) return;
    if (performance.now() > deadlineMs) throw new Error(`Still ${inspect(answer)} rather than ${inspect(expected)}.`);
    await sleep(20);
  }
}

/** One request over a connection of its own: the body, or the code of the error. */
export async function get(url: string): Promise<string> {
  const agent = new Agent({ pipelining: 0 });
  try {
    const response = await request(url, { dispatcher: agent });
    return await response.body.text();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    await agent.destroy();
  }
}

export interface Answer {
  sentMs: number;
  body: string;
}

/** Sends a request every `everyMs` over a connection of its own, whatever becomes of the others, until stopped. */
export function hammer(
  url: string,
  everyMs: number,
): { more(count: number): Promise<void>; stop(): Promise<Answer[]> } {
  const sent: Promise<Answer>[] = [];
  const timer = setInterval(() => {
    const sentMs = performance.timeOrigin + performance.now();
    sent.push(get(url).then((body) => ({ sentMs, body })));
  }, everyMs);
  return {
    /** Resolves when so many more have been sent and answered: a busy machine sends fewer in the same time. */
    async more(count) {
      const enough = sent.length + count;
      while (sent.length < enough) await sleep(everyMs);
      await Promise.all(sent);
    },
    stop() {
      clearInterval(timer);
      return Promise.all(sent);
    },
  };
}

/** Whether an answer is an error's code rather than a replica's words. */
export function isFailure(answer: { body: string }): boolean {
  return !answer.body.startsWith("web-");
}
