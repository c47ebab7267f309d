/** Brings the target back and looks whether it is: replicas ready, no fault left, traffic answered in full. */
import { nowMs, pause, unlessAborted } from "./clock.ts";
import { sentenceOf } from "./errors.ts";
import type { Experiment } from "./experiment.ts";
import type { RollbackCheck, RollbackReport } from "./result.ts";
import { replicaRange, type System } from "./system.ts";
import type { Replica, ServiceName, Target } from "./target.ts";
import { WHOLE_WAY_PATH } from "./traffic.ts";

interface RollbackOptions {
  readonly experiment: Pick<Experiment, "rollback">;
  readonly target: Target;
  readonly system: System;
  /** In all, verification included. */
  readonly withinMs: number;
}

const SERVICES: readonly ServiceName[] = ["catalogue", "stock"];
/** In a row, each over a connection of its own: every replica of three is met by one with 99.9 %. */
const ANSWERS_IN_A_ROW = 20;
const ASK_AGAIN_MS = 100;

/** Never throws: what went wrong is in the report. It is not stopped by what stopped the method. */
export async function rollBack(opts: RollbackOptions): Promise<RollbackReport> {
  const startedMs = nowMs();
  const signal = AbortSignal.timeout(opts.withinMs);
  const checks: RollbackCheck[] = [];

  async function check(name: RollbackCheck["name"], look: () => Promise<string>): Promise<void> {
    try {
      checks.push({ name, ok: true, found: await unlessAborted(look(), signal) });
    } catch (error) {
      const found = signal.aborted ? `not done within ${opts.withinMs / 1000} s` : sentenceOf(error);
      checks.push({ name, ok: false, found });
    }
  }

  await check("rollback", async () => {
    try {
      await opts.experiment.rollback({ target: opts.target, system: opts.system, signal });
    } finally {
      // Whatever the file does, the lab repairs what a run may have left.
      await opts.target.repair({ signal });
    }
    return "ran to its end";
  });
  if ((await opts.target.nodes().catch(() => [])).length > 0) await check("nodes", () => seeNodes(opts.target, signal));
  await check("replicas", () => seeReplicas(opts, signal));
  await check("faults", () => seeNoFaults(opts.target));
  const { platform } = opts.target;
  if (platform?.isDisturbed()) await check("platform", () => platform.look({ signal }));
  await check("traffic", () => seeTraffic(opts.target, signal));

  const failed = checks.filter(({ ok }) => !ok);
  return {
    verified: failed.length === 0,
    reason:
      failed.length === 0
        ? "everything is as it was: all replicas ready, no fault left, traffic answered in full"
        : `the rollback could not be verified: ${failed.map(({ name, found }) => `${name}: ${found}`).join("; ")}`,
    checks,
    seconds: Math.round(nowMs() - startedMs) / 1000,
  };
}

async function seeReplicas({ target, system, withinMs }: RollbackOptions, signal: AbortSignal): Promise<string> {
  const found: string[] = [];
  for (const service of SERVICES) {
    await target.settled(service, { withinMs, signal });
    const replicas = await target.replicas(service);
    const ready = replicas.filter((replica) => replica.ready).length;
    const { least, most } = replicaRange(system, service);
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    if (ready < least || ready > most || replicas.length !== ready) {
      throw new Error(`${service} has ${ready} of ${wanted} replicas ready, and ${replicas.length} in all`);
    }
    found.push(`${service} ${ready}/${wanted} ready`);
  }
  return found.join(", ");
}

/** A node that was away needs some seconds until it is ready again. */
async function seeNodes(target: Target, signal: AbortSignal): Promise<string> {
  for (;;) {
    const nodes = await target.nodes();
    const away = nodes.filter(({ ready, schedulable, paused }) => !ready || !schedulable || paused);
    if (away.length === 0) return `${nodes.length} of ${nodes.length} ready`;
    if (signal.aborted) throw new Error(`${away.map(({ name }) => name).join(", ")} not ready`);
    await pause(ASK_AGAIN_MS, signal).catch(() => {});
  }
}

async function seeNoFaults(target: Target): Promise<string> {
  const replicas: Replica[] = [];
  for (const service of SERVICES) replicas.push(...(await target.replicas(service)));
  for (const replica of replicas) {
    const faults = await target.faults(replica);
    if (faults.length > 0) throw new Error(`${replica.name} still has ${faults.join(", ")}`);
  }
  return `none on ${replicas.length} replicas`;
}

async function seeTraffic(target: Target, signal: AbortSignal): Promise<string> {
  let inARow = 0;
  let last = "nothing asked yet";
  while (inARow < ANSWERS_IN_A_ROW) {
    if (signal.aborted) throw new Error(last);
    const answer = await target
      .ask(WHOLE_WAY_PATH)
      .catch((error: unknown) => ({ status: 0, degraded: false, error: sentenceOf(error) }));
    if (answer.status === 200 && !answer.degraded) {
      inARow += 1;
      continue;
    }
    inARow = 0;
    last =
      "error" in answer ? answer.error : answer.degraded ? "an answer was degraded" : `an answer was ${answer.status}`;
    await pause(ASK_AGAIN_MS, signal).catch(() => {});
  }
  return `${ANSWERS_IN_A_ROW} answers in a row, over new connections`;
}
