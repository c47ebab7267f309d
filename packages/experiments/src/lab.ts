/** What a method works with: the target, guarded, and a pen for the ledger. */
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { LoadRun, WindowRule } from "@holdfast/load";
import { nowMs, pause } from "./clock.ts";
import { ExperimentError } from "./errors.ts";
import type { Lab } from "./experiment.ts";
import type { System } from "./system.ts";
import type { Target } from "./target.ts";
import { DISTURBING_PLATFORM } from "./target-platform.ts";
import { createDueCount, createWindowClock } from "./window-clock.ts";

/** Something that the method waited for did not come in time. That is evidence, not an accident. */
export class NotInTime extends Error {
  override readonly name = "NotInTime";
}

/** Something that had to hold before anything could be shown did not. The run is INVALID. */
export class ShowsNothing extends Error {
  override readonly name = "ShowsNothing";
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
  readonly load: Pick<LoadRun, "mark" | "stats" | "setRate" | "ledgerSoFar">;
  /** Of the run's logs. */
  readonly logDir: string;
  readonly windows: readonly WindowRule[];
  /** At first. */
  readonly ratePerSecond: number;
  readonly signal: AbortSignal;
  readonly onMark: (name: string, opts: { subject: string | undefined; detail: unknown }) => void;
}

/** How often `until` asks. */
const ASK_EVERY_MS = 50;

export function createLab(opts: LabOptions): LabBench {
  const { load, signal, system } = opts;
  const windows = createWindowClock(opts.windows);
  const due = createDueCount(opts.ratePerSecond);
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
    opts.onMark(name, { subject, detail });
  };

  function changeRate(perSecond: number): void {
    load.setRate(perSecond);
    due.setRate(perSecond, windows.openMs(nowMs()));
    mark("load.rate", { detail: { perSecond } });
  }

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
    platform: target.platform,
    system,
    signal,
    during,
    mark,
    until,
    need(holds, because) {
      if (!holds) throw new ShowsNothing(because);
    },
    stats: () => load.stats(),
    ledgerSoFar: () => load.ledgerSoFar(),
    keep: (file, content) => writeFile(path.join(opts.logDir, file), content),
    pass: ({ seconds }) => pause(seconds * 1000, signal),
    setRate(perSecond) {
      if (disturbing === 0 || closed) {
        throw new ExperimentError(
          "EXPERIMENT_REFUSED",
          "The method calls setRate() outside of during(), so the ledger would not show when the load was another.",
        );
      }
      changeRate(perSecond);
    },
    measured: (name, figure) => mark(name, { detail: figure }),
    scheduledInWindows: () => Math.floor(due.count(windows.openMs(nowMs()))),
    disturbances: () => disturbances,
    close: () => {
      closed = true;
      // Whatever the method has left: what follows is judged under the load that the plan says.
      if (due.perSecond() !== opts.ratePerSecond) changeRate(opts.ratePerSecond);
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
  "end",
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
  const platform = target.platform && guard(target.platform, { disturbing: DISTURBING_PLATFORM, refused: [], allowed });
  const guarded = guard(target, { disturbing: DISTURBING, refused: NOT_FOR_METHODS, allowed });
  return new Proxy(guarded, {
    get: (real, key) => (key === "platform" ? platform : Reflect.get(real, key)),
  });
}

function guard<T extends object>(
  object: T,
  opts: {
    disturbing: readonly (string | symbol)[];
    refused: readonly (string | symbol)[];
    allowed: () => boolean;
  },
): T {
  const { disturbing, refused, allowed } = opts;
  return new Proxy(object, {
    get(real, key) {
      const value: unknown = Reflect.get(real, key);
      if (typeof value !== "function") return value;
      return function guarded(...args: unknown[]) {
        if (refused.includes(key) || (disturbing.includes(key) && !allowed())) {
          throw new ExperimentError(
            "EXPERIMENT_REFUSED",
            `The method calls ${String(key)}() ${refused.includes(key) ? "itself, which only the lab may" : "outside of during(), so the ledger would not show when the fault worked"}.`,
          );
        }
        return Reflect.apply(value, real, args);
      };
    },
  });
}
