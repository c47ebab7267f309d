/** The life of one replica, from its start to its exit, as others see it: state, probes, events. */

import { createConnections } from "./connections.ts";
import { createEmitter } from "./emitter.ts";
import { lifecycleError } from "./errors.ts";
import type { LifecycleListener } from "./events.ts";
import { readOptions } from "./options.ts";
import type { LifecycleOptions } from "./options.ts";
import { runReplica } from "./run.ts";
import type { RunOptions } from "./run.ts";
import { probe, stateOf } from "./state.ts";
import type { Facts, LifecycleState, ProbeName, ProbeResult } from "./state.ts";

export interface Lifecycle {
  readonly state: LifecycleState;
  /** Public requests that have no complete answer yet. */
  readonly inFlight: number;
  /** Open public sockets. */
  readonly connections: number;
  /** Adds a listener and returns the function that takes it away. */
  on(listener: LifecycleListener): () => void;
  /** What a probe answers now. */
  probe(name: ProbeName): ProbeResult;
  /** State `shedding` while on. The probes stay 200: a replica taken out for being busy makes the others busier. */
  setShedding(on: boolean, reason?: string): void;
  /** State `unready` while any source has a reason; undefined takes that of this source away. */
  setUnready(source: string, reason: string | undefined): void;
  /**
   * Serves until SIGTERM, a crash or `opts.stop`, drains, and exits through `opts.exit`; to be called once.
   *
   * @throws LifecycleError ALREADY_RUN, PREPARE_FAILED, PORT_TAKEN, PORT_FORBIDDEN, HOST_UNAVAILABLE, LISTEN_FAILED. Its
   *   `exitCode` is what a program should exit with.
   */
  run(opts: RunOptions): Promise<void>;
}

/**
 * Makes a lifecycle. It listens to nothing and holds nothing until `run` is called.
 *
 * @throws LifecycleError INVALID_OPTIONS, which names every mistake at once.
 */
export function createLifecycle(opts: LifecycleOptions = {}): Lifecycle {
  const settings = readOptions(opts);
  const emitter = createEmitter();
  const connections = createConnections(settings.connection);
  const unready = new Map<string, string>();
  let facts: Facts = {
    stage: "starting",
    stageReason: "start-up work is not done",
    unready,
    shedding: undefined,
  };
  let state: LifecycleState = "starting";
  let wasRun = false;

  function update(change: Partial<Facts>): void {
    facts = { ...facts, ...change };
    const now = stateOf(facts);
    if (now.state !== state) {
      const from = state;
      state = now.state;
      emitter.emit({ type: "state", from, to: state, reason: now.reason });
    }
  }

  return {
    get state() {
      return state;
    },
    get inFlight() {
      return connections.inFlight;
    },
    get connections() {
      return connections.count;
    },
    on: emitter.on,
    probe: (name) => probe(name, facts),
    setShedding(on, reason = "sheds load") {
      update({ shedding: on ? reason : undefined });
    },
    setUnready(source, reason) {
      if (reason === undefined) {
        unready.delete(source);
      } else {
        unready.set(source, reason);
      }
      update({ unready });
    },
    async run(runOpts) {
      if (wasRun) {
        throw lifecycleError("This lifecycle has run already. Make a new one with createLifecycle for another run.", {
          code: "ALREADY_RUN",
          exitCode: 2,
        });
      }
      wasRun = true;
      const enter = (stage: Facts["stage"], stageReason: string): void => update({ stage, stageReason });
      await runReplica({ settings, connections, emit: emitter.emit, enter }, runOpts);
    },
  };
}
