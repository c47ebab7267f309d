/** The states of a replica and what its probes answer in each: a table, so that it can be read, tested and printed. */

export type LifecycleState = "starting" | "ready" | "shedding" | "unready" | "draining" | "stopped";

export type ProbeName = "livez" | "readyz" | "startupz";

export type ProbeStatus = 200 | 503;

export interface ProbeResult {
  readonly status: ProbeStatus;
  readonly state: LifecycleState;
  readonly reason: string;
}

/**
 * Liveness is 200 in every state: it asks no dependency, and what it is for (an event loop that is stuck) answers nothing
 * at all. Shedding stays ready, since a replica taken out for being busy only makes the others busier.
 */
export const PROBES = {
  starting: { livez: 200, readyz: 503, startupz: 503 },
  ready: { livez: 200, readyz: 200, startupz: 200 },
  shedding: { livez: 200, readyz: 200, startupz: 200 },
  unready: { livez: 200, readyz: 503, startupz: 200 },
  draining: { livez: 200, readyz: 503, startupz: 200 },
  stopped: { livez: 200, readyz: 503, startupz: 200 },
} as const satisfies Record<LifecycleState, Record<ProbeName, ProbeStatus>>;

/** What is known about the replica; the state follows from it alone. */
export interface Facts {
  readonly stage: "starting" | "serving" | "draining" | "stopped";
  /** Why the stage is what it is, as a sentence fragment. */
  readonly stageReason: string;
  /** Who holds the replica unready, and why. */
  readonly unready: ReadonlyMap<string, string>;
  /** Why it sheds load, or undefined when it does not. */
  readonly shedding: string | undefined;
}

/** The state that follows from the facts: a stage that is not serving comes first, then unready, then shedding. */
export function stateOf(facts: Facts): { state: LifecycleState; reason: string } {
  if (facts.stage !== "serving") {
    return { state: facts.stage, reason: facts.stageReason };
  }
  if (facts.unready.size > 0) {
    const reasons = [...facts.unready].map(([source, reason]) => `${source}: ${reason}`);
    return { state: "unready", reason: reasons.join("; ") };
  }
  if (facts.shedding !== undefined) {
    return { state: "shedding", reason: facts.shedding };
  }
  return { state: "ready", reason: facts.stageReason };
}

/** What a probe answers for these facts. */
export function probe(name: ProbeName, facts: Facts): ProbeResult {
  const { state, reason } = stateOf(facts);
  return { status: PROBES[state][name], state, reason };
}
