/**
 * What `start` runs: two fleets, the load on the first, and what can be done to them. It knows no terminal: the live
 * block, the plain lines and the second terminal all look at `snapshot()` and call the same actions.
 */
import { defaultSystem } from "@holdfast/experiments";
import { createFleet, type Fleet, type FleetEvent, type ReplicaStatus } from "@holdfast/fleet";
import { startLoad, type Ledger, type LoadRun } from "@holdfast/load";
import { aborted } from "./aborted.ts";
import { firstAnswer } from "./first-answer.ts";
import { platformOptions, replicaCommands } from "./fleet-commands.ts";
import { happeningOf } from "./happening-words.ts";
import { createLoadWatch } from "./load-watch.ts";
import { readVitals, type Vitals } from "./replica-admin.ts";
import { loadPlan, ROLLOUT_RULE } from "./session-load.ts";
import type { Happening, ReplicaSnapshot, Snapshot } from "./snapshot.ts";

export interface SessionOptions {
  name: string;
  bundle: string;
  /** The catalogue's Service; 0 = any free one. */
  port: number;
  replicas: number;
  ratePerSecond: number;
  persistentSockets: number;
  /** Event-loop utilisation, 0..1, above which the catalogue sheds; 1 = never. */
  shedAbove: number;
  logDir: string;
  /** Keeps every record, for a verdict. Absent: only running numbers are kept, so that it can run for days. */
  ledgerFile?: string;
}

export interface Session {
  /** The catalogue's Service; empty until a free port is found. */
  readonly url: string;
  readonly catalogue: Fleet;
  readonly stock: Fleet;
  readonly load: LoadRun | undefined;
  /** Resolves with the first answer: replicas are ready and serve. Rejects when the signal is aborted, as it must be before stop() is called. */
  start(signal: AbortSignal): Promise<void>;
  /** Sends the load. Resolves when all its sockets are open and have had answers. */
  sendLoad(signal: AbortSignal): Promise<void>;
  snapshot(): Snapshot;
  /** Writes a line of what happened. */
  tell(text: string, tone?: Happening["tone"]): void;
  /** Words on a service in the picture, such as "broken by you"; undefined takes them away. */
  note(service: Service, text: string | undefined): void;
  /** Called whenever the picture has changed. */
  onChange(listener: () => void): () => void;
  /** Rejects when the load has died, without which there is nothing to see. Never resolves. */
  readonly died: Promise<never>;
  /** Stops the load, drains both fleets, and leaves nothing running. With a grace, that is all a replica gets. */
  stop(opts?: { graceMs?: number }): Promise<Ledger | undefined>;
  /** Why stop() gave no ledger, where the load has ended badly. */
  readonly loadTrouble: unknown;
}

/** The version that is started; rollouts count on from it. */
export const FIRST_VERSION = "v1";
/** In the order in which they are shown. */
const SERVICES = ["catalogue", "stock"] as const;
type Service = (typeof SERVICES)[number];
const HAPPENINGS_KEPT = 50;
const TICK_MS = 1_000;

export function createSession(opts: SessionOptions): Session {
  const ports = { catalogue: opts.port, stock: 0 };
  const stockPort = Promise.withResolvers<void>();
  const commands = replicaCommands({ ...opts, stockUrl: () => `http://127.0.0.1:${ports.stock}` });
  const platform = { ...platformOptions(), version: FIRST_VERSION, logDir: opts.logDir };
  const fleets = {
    catalogue: createFleet({
      ...platform,
      name: "catalogue",
      port: opts.port,
      replicas: opts.replicas,
      replica: commands.catalogue,
    }),
    stock: createFleet({ ...platform, name: "stock", port: 0, replicas: 1, replica: commands.stock }),
  };
  const wanted = { catalogue: opts.replicas, stock: 1 };
  const notes = new Map<Service, string>();
  const vitals = new Map<string, Vitals>();
  const happenings: Happening[] = [];
  const listeners = new Set<() => void>();
  const watch = createLoadWatch(opts.ratePerSecond);
  const startedMs = performance.now();
  const { promise: died, reject: die } = Promise.withResolvers<never>();
  // Whoever has not asked yet must not bring the process down.
  died.catch(() => {});
  let phase: Snapshot["phase"] = "starting";
  let productIds: string[] = [];
  let load: LoadRun | undefined;
  let loadTrouble: unknown;
  let scraping: NodeJS.Timeout | undefined;

  for (const service of SERVICES) fleets[service].on((event) => hear(service, event));

  function hear(service: Service, event: FleetEvent): void {
    if (event.type === "balancer.started") {
      ports[service] = event.port;
      if (service === "stock") stockPort.resolve();
    }
    if (event.type === "scale") wanted[service] = event.to;
    // A new process under an old name begins to count anew.
    if (event.type === "replica.starting") vitals.delete(event.replica);
    const { type, atMs, ...detail } = event;
    const subject = "replica" in event ? event.replica : service;
    // Names of events mean the catalogue in the rule; what the upstream does is told apart.
    load?.mark(service === "catalogue" ? type : `${service}.${type}`, { subject, detail, atMs });
    const said = happeningOf(event, service);
    if (said) tell(said.text, said.tone);
    else changed();
  }

  function tell(text: string, tone: Happening["tone"] = "plain"): void {
    happenings.push({ atMs: performance.now() - startedMs, text, tone });
    if (happenings.length > HAPPENINGS_KEPT) happenings.shift();
    changed();
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  async function scrape(): Promise<void> {
    const all = Object.values(fleets).flatMap((fleet) => fleet.replicas());
    await Promise.all(
      all.map(async (replica) => {
        const said = replica.pid === undefined ? undefined : await readVitals(replica.adminPort);
        if (said) vitals.set(replica.name, said);
      }),
    );
    for (const name of vitals.keys()) if (!all.some((replica) => replica.name === name)) vitals.delete(name);
    changed();
  }

  async function startFleets(signal: AbortSignal): Promise<void> {
    const stockStarted = fleets.stock.start({ signal });
    // The catalogue must know where its upstream will be, not that it is there: both start side by side.
    await Promise.race([stockPort.promise, stockStarted]);
    await Promise.all([stockStarted, fleets.catalogue.start({ signal })]);
  }

  async function sendLoad(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (opts.ratePerSecond === 0) return;
    const plan = loadPlan({ ...opts, url: fleets.catalogue.url, productIds });
    load = startLoad(plan, {
      tickMs: TICK_MS,
      onTick: (stats) => {
        watch.tick(stats);
        changed();
      },
      ...(opts.ledgerFile === undefined ? {} : { ledgerFile: opts.ledgerFile, rule: ROLLOUT_RULE }),
    });
    load.ended.catch((error: unknown) => {
      if (phase !== "stopping") die(error);
    });
    // Not broken off by the signal: what is under way then shall still find its end, and be counted.
    await Promise.race([load.ready, aborted(signal)]);
  }

  let stopping: Promise<Ledger | undefined> | undefined;
  async function stopAll(graceMs: number | undefined): Promise<Ledger | undefined> {
    phase = "stopping";
    clearInterval(scraping);
    changed();
    const ledger = await load?.stop().catch((error: unknown) => {
      loadTrouble = error;
      return undefined;
    });
    if (load) watch.tick(load.stats());
    const grace = graceMs === undefined ? {} : { graceMs };
    // Side by side: with the load gone, whoever still waits for an answer has the upstream's own lag to get it.
    await Promise.all(SERVICES.map((service) => fleets[service].stop(grace)));
    return ledger;
  }

  function urlNow(): string {
    return ports.catalogue === 0 ? "" : `http://localhost:${ports.catalogue}`;
  }

  return {
    get url() {
      return urlNow();
    },
    ...fleets,
    died,
    get load() {
      return load;
    },
    get loadTrouble() {
      return loadTrouble;
    },
    async start(signal) {
      await startFleets(signal);
      // Replicas that are ended meanwhile do not answer: then the signal is what must be told.
      productIds = await Promise.race([firstAnswer(urlNow()), aborted(signal)]);
      // stop() may have been called meanwhile, and what begins after it would never be ended.
      signal.throwIfAborted();
      phase = "running";
      scraping = setInterval(() => void scrape(), TICK_MS);
      changed();
    },
    sendLoad,
    snapshot() {
      return {
        name: opts.name,
        url: urlNow(),
        pid: process.pid,
        phase,
        linkDelayMs: defaultSystem.platform.linkDelayMs,
        upMs: performance.now() - startedMs,
        services: SERVICES.map((name) => ({
          name,
          wanted: wanted[name],
          note: notes.get(name),
          replicas: fleets[name].replicas().map((replica) => replicaSnapshot(replica, vitals.get(replica.name))),
        })),
        load: watch.snapshot(),
        happenings: [...happenings],
      };
    },
    tell,
    note(service, text) {
      if (text === undefined) notes.delete(service);
      else notes.set(service, text);
      changed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop(stopOpts = {}) {
      if (stopping && stopOpts.graceMs !== undefined) {
        // Somebody is in a hurry: the first call is under way, its replicas get less time.
        const grace = { graceMs: stopOpts.graceMs };
        await Promise.all(Object.values(fleets).map((fleet) => fleet.stop(grace)));
      }
      stopping ??= stopAll(stopOpts.graceMs);
      return stopping;
    },
  };
}

function replicaSnapshot(replica: ReplicaStatus, vitals: Vitals | undefined): ReplicaSnapshot {
  const { name, version, pid, port, adminPort, connections, restarts } = replica;
  // To a balancer a replica that sheds is ready; whoever looks wants to know.
  const state = replica.state === "ready" && vitals?.shedding ? "shedding" : replica.state;
  return {
    name,
    state,
    version,
    port,
    adminPort,
    connections,
    restarts,
    requests: vitals?.requests ?? 0,
    ...(pid === undefined ? {} : { pid }),
  };
}
