/** What a method works with: the target, guarded, and a pen for the ledger. */
import { randomInt } from "node:crypto";
import type { LoadRun, WindowRule } from "@holdfast/load";
import { nowMs, pause } from "./clock.ts";
import { ExperimentError } from "./errors.ts";
import type { Lab } from "./experiment.ts";
import type { System } from "./system.ts";
import type { Target } from "./target.ts";
import { createWindowClock } from "./window-clock.ts";

/** Something that the method waited for did not come in time. That is evidence, not an accident. */
export class NotInTime extends Error {
  override readonly name = "NotInTime";
}

export type Mark = (name: string, opts?: { subject?: string; detail?: unknown; atMs?: number }) => void;

export interface LabBench extends Lab {
  /** Writes into the ledger and counts windows; the lab's own marks and the target's events go through it. */
  readonly mark: Mark;
  /** How often the method did something. */
  readonly disturbances: () => number;
  /** After the method: nothing that it still tries is done. */
  readonly close: () => void;
}

interface LabOptions {
  readonly target: Target;
  readonly system: System;
  readonly load: Pick<LoadRun, "mark" | "stats">;
  readonly windows: readonly WindowRule[];
  readonly ratePerSecond: number;
  readonly signal: AbortSignal;
  readonly onMark: (name: string, subject: string | undefined) => void;
}

/** How often `until` asks. */
const ASK_EVERY_MS = 50;

export function createLab(opts: LabOptions): LabBench {
  const { load, signal, system } = opts;
  const windows = createWindowClock(opts.windows);
  let disturbing = 0;
  let disturbances = 0;
  let closed = false;
  const target = guardTarget(opts.target, () => disturbing > 0 && !closed);

  const mark: Mark = function mark(name, { subject, detail, atMs = nowMs() } = {}) {
    windows.note({ atMs, name, ...(subject === undefined ? {} : { subject }) });
    load.mark(name, {
      atMs,
      ...(subject === undefined ? {} : { subject }),
      ...(detail === undefined ? {} : { detail }),
    });
    opts.onMark(name, subject);
  };

  async function during<T>(name: string, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    disturbing += 1;
    disturbances += 1;
    mark(`${name}.start`);
    try {
      return await work();
    } finally {
      disturbing -= 1;
      mark(`${name}.end`);
    }
  }

  async function until(what: string, { withinSeconds, holds }: Parameters<Lab["until"]>[1]): Promise<void> {
    const deadlineMs = nowMs() + withinSeconds * 1000;
    for (;;) {
      signal.throwIfAborted();
      if (await holds()) return;
      if (nowMs() >= deadlineMs) throw new NotInTime(`waited ${withinSeconds} s for ${what}, in vain`);
      await pause(ASK_EVERY_MS, signal);
    }
  }

  return {
    target,
    system,
    signal,
    during,
    mark,
    until,
    stats: () => load.stats(),
    pass: ({ seconds }) => pause(seconds * 1000, signal),
    scheduledInWindows: () => Math.floor((windows.openMs(nowMs()) / 1000) * opts.ratePerSecond),
    disturbances: () => disturbances,
    close: () => {
      closed = true;
    },
    async anyReplica(service = "catalogue") {
      const ready = (await target.replicas(service)).filter((replica) => replica.ready);
      const drawn = ready[randomInt(Math.max(1, ready.length))];
      if (!drawn)
        throw new ExperimentError("TARGET_FAILED", `No replica of ${service} is ready, so none can be drawn.`);
      return drawn;
    },
  };
}

const DISTURBING: readonly (string | symbol)[] = [
  "rollOut",
  "scale",
  "kill",
  "loseNode",
  "returnNode",
  "fault",
  "clearFaults",
] satisfies (keyof Target)[];
const NOT_FOR_METHODS: readonly (string | symbol)[] = [
  "start",
  "stop",
  "repair",
  "collectLogs",
] satisfies (keyof Target)[];

/** Nothing is disturbed outside of `during`: so nothing happens before the baseline, and nothing without a mark in the ledger. */
function guardTarget(target: Target, allowed: () => boolean): Target {
  return new Proxy(target, {
    get(real, key) {
      const value: unknown = Reflect.get(real, key);
      if (typeof value !== "function") return value;
      return function guarded(...args: unknown[]) {
        if (NOT_FOR_METHODS.includes(key) || (DISTURBING.includes(key) && !allowed())) {
          throw new ExperimentError(
            "EXPERIMENT_REFUSED",
            `The method calls ${String(key)}() ${NOT_FOR_METHODS.includes(key) ? "itself, which only the lab may" : "outside of during(), so the ledger would not show when the fault worked"}.`,
          );
        }
        return Reflect.apply(value, real, args);
      };
    },
  });
}
