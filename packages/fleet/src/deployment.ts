import type { EndReason } from "./events.ts";
import { FleetError } from "./errors.ts";
import { replicaName, templateHash } from "./names.ts";
import type { ResolvedOptions } from "./options.ts";
import type { PortReservation, Ports } from "./ports.ts";
import type { Replica } from "./replica.ts";
import { hasProgressed, planRollout } from "./rollout.ts";
import type { RolloutProgress } from "./rollout.ts";
import { compareForDeletion } from "./scale-down.ts";

interface Template {
  version: string;
  env: Record<string, string>;
  /** Counts restarts: what `kubectl rollout restart` writes into the template, so that it differs. */
  restart: number;
}

/** What replicas are made from; a new one is a rollout. */
export interface Revision extends Template {
  number: number;
  hash: string;
}

interface ReplicaPorts {
  public: PortReservation;
  admin: PortReservation;
}

export interface DeploymentContext {
  options: ResolvedOptions;
  ports: Ports;
  create: (spec: { name: string; revision: Revision; ports: ReplicaPorts }) => Replica;
  /** Replicas cannot be made, since no port is left. */
  failed: (error: unknown) => void;
}

/** The Deployment controller and its ReplicaSets: how many replicas of which revision there are, and which go. */
export interface Deployment {
  readonly replicas: readonly Replica[];
  readonly wanted: number;
  readonly revision: Revision;
  /** A rollout was aborted and stays as it is. */
  readonly paused: boolean;
  /** As `kubectl rollout status` sees it: all are of the current revision and ready; what is ending does not count. */
  readonly complete: boolean;
  reconcile(): void;
  /** Whether anything got further since this was last asked. */
  progressed(): boolean;
  scale(replicas: number): void;
  /** Makes a revision current. With the template of the present one it is a restart. */
  revise(template: { version: string; env?: Record<string, string> }): Revision;
  /** Throws FLEET_NO_EARLIER_REVISION. */
  revert(): Revision;
  pause(): void;
  remove(replica: Replica): void;
  /** Deletes every replica and makes no new one. Again: may shorten the grace. */
  end(opts: { graceMs: number }): Promise<void>;
}

/** As `revisionHistoryLimit`, without which a fleet that rolls for days would remember every one. */
const revisionHistoryLimit = 10;

export function createDeployment(context: DeploymentContext): Deployment {
  const { options } = context;
  const replicas = new Map<string, Replica>();
  const spare: ReplicaPorts[] = [];
  const history: Revision[] = [newRevision(1, { version: options.version, env: {}, restart: 0 })];
  let revisions = 1;
  let wanted = options.replicas;
  let paused = false;
  let ended = false;
  let reconciling = false;
  let again = false;
  let reserving: Promise<void> | undefined;
  let progress: RolloutProgress = { updated: 0, old: 0, available: 0 };

  function current(): Revision {
    const revision = history.at(-1);
    if (revision === undefined) throw new Error("A deployment always has a revision.");
    return revision;
  }

  /** Replicas that are not deleted, by template hash, oldest first. */
  function activeSets(): { current: Replica[]; old: Replica[][] } {
    const sets = new Map<string, Replica[]>();
    for (const replica of replicas.values()) {
      if (!replica.ending) sets.set(replica.hash, [...(sets.get(replica.hash) ?? []), replica]);
    }
    const { hash } = current();
    return { current: sets.get(hash) ?? [], old: [...sets].filter(([key]) => key !== hash).map(([, set]) => set) };
  }

  function mayMove(): boolean {
    return !ended && !paused;
  }

  /** Moves replicas towards what is wanted as far as the rollout's limits let it; each change asks again. */
  function reconcile(): void {
    again = true;
    if (reconciling) return;
    reconciling = true;
    while (again && mayMove()) {
      again = false;
      step();
    }
    reconciling = false;
  }

  function step(): void {
    const sets = activeSets();
    const count = (set: Replica[]) => ({ replicas: set.length, available: set.filter(({ ready }) => ready).length });
    const plan = planRollout(
      { replicas: wanted, ...options.rollout },
      { current: count(sets.current), old: sets.old.map(count) },
    );
    const missing = plan.current - sets.current.length;
    for (let i = 0; i < missing; i++) {
      const ports = spare.shift();
      if (ports === undefined) {
        reserve(missing - i);
        break;
      }
      create(ports);
    }
    remove(sets.current, { down: -missing, reason: "scale" });
    for (const [i, set] of sets.old.entries()) {
      remove(set, { down: set.length - (plan.old[i] ?? 0), reason: "rollout" });
    }
  }

  function create(ports: ReplicaPorts): void {
    const revision = current();
    let name = replicaName(options.name, revision.hash);
    while (replicas.has(name)) name = replicaName(options.name, revision.hash);
    const replica = context.create({ name, revision, ports });
    replicas.set(name, replica);
    replica.run();
  }

  function remove(set: Replica[], { down, reason }: { down: number; reason: EndReason }): void {
    for (const replica of set.toSorted(compareForDeletion).slice(0, Math.max(0, down))) {
      void replica.end({ reason, graceMs: options.terminationGraceMs });
    }
  }

  /** Finding ports takes a moment; the step that needs them is taken again when they are there. */
  function reserve(pairs: number): void {
    reserving ??= reserveAll(pairs).then(
      () => {
        reserving = undefined;
        reconcile();
      },
      (error: unknown) => {
        reserving = undefined;
        context.failed(error);
      },
    );
  }

  async function reserveAll(pairs: number): Promise<void> {
    while (spare.length < pairs && mayMove()) {
      const first = await context.ports.reserve();
      try {
        spare.push({ public: first, admin: await context.ports.reserve() });
      } catch (error) {
        first.release();
        throw error;
      }
    }
  }

  function add(template: Template): Revision {
    revisions += 1;
    const revision = newRevision(revisions, template);
    // A revision whose template returns takes its old place's name, as Kubernetes renumbers the old ReplicaSet.
    const same = history.findIndex(({ hash }) => hash === revision.hash);
    if (same >= 0) history.splice(same, 1);
    history.push(revision);
    if (history.length > revisionHistoryLimit + 1) history.shift();
    paused = false;
    return revision;
  }

  return {
    get replicas() {
      return [...replicas.values()];
    },
    get wanted() {
      return wanted;
    },
    get revision() {
      return current();
    },
    get paused() {
      return paused;
    },
    get complete() {
      const sets = activeSets();
      return sets.old.length === 0 && sets.current.length === wanted && sets.current.every(({ ready }) => ready);
    },
    reconcile,
    progressed() {
      const before = progress;
      const sets = activeSets();
      const old = sets.old.flat();
      const available = [...sets.current, ...old].filter(({ ready }) => ready).length;
      progress = { updated: sets.current.length, old: old.length, available };
      return hasProgressed(before, progress);
    },
    scale(count) {
      wanted = count;
    },
    revise({ version, env = current().env }) {
      const { restart } = current();
      const same = newRevision(0, { version, env, restart }).hash === current().hash;
      return add({ version, env, restart: same ? restart + 1 : restart });
    },
    revert() {
      const before = history.at(-2);
      if (before === undefined) {
        throw new FleetError(
          "FLEET_NO_EARLIER_REVISION",
          `${options.name} has had one revision only, so there is nothing to roll back to. Roll a version out first.`,
        );
      }
      return add(before);
    },
    pause() {
      paused = true;
    },
    remove(replica) {
      replicas.delete(replica.name);
    },
    async end({ graceMs }) {
      ended = true;
      await Promise.all([...replicas.values()].map((replica) => replica.end({ reason: "stop", graceMs })));
      await reserving;
      for (const ports of spare.splice(0)) {
        ports.public.release();
        ports.admin.release();
      }
    },
  };
}

function newRevision(number: number, { version, env, restart }: Template): Revision {
  return { number, version, env, restart, hash: templateHash(JSON.stringify({ version, env, restart })) };
}
