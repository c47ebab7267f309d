/** The drain: its phases, each with a deadline, in an order that loses no request. */

import type { Connections } from "./connections.ts";
import { sentence } from "./errors.ts";
import type { DrainPhase, LifecycleEvent } from "./events.ts";

/** What node asks of the kernel by default: no more connections can wait. Clients that come back at once keep the queue filled. */
const ACCEPT_QUEUE_LENGTH = 511;

/** Something that is closed in the drain, after the last request has been answered. */
export interface Closeable {
  /** Names it in the events. */
  readonly name: string;
  close(): Promise<void> | void;
}

interface PhaseSeconds {
  readonly lag: number;
  readonly announce: number;
  readonly drain: number;
  readonly close: number;
  readonly flush: number;
  readonly ship: number;
}

export interface DrainOptions {
  readonly seconds: PhaseSeconds;
  readonly connections: Connections;
  /** Stops accepting connections. */
  readonly stopListening: () => void;
  readonly close: readonly Closeable[];
  readonly flush: readonly Closeable[];
  /** Resolves when there is nothing to wait for in `lag` any more. */
  readonly lagOver: Promise<void>;
  readonly emit: (event: LifecycleEvent) => void;
}

interface Phase {
  readonly name: DrainPhase;
  readonly seconds: number;
  /** Resolves when the phase has nothing left to do. */
  readonly work: () => Promise<void>;
  /** Whether the time running out is what the phase is for. */
  readonly waits?: boolean;
  /** Called when the time is over: clears up what is left and says so, a sentence a thing. */
  readonly giveUp?: () => string[];
  /** Problems that came up on the way. */
  readonly problems?: readonly string[];
}

/**
 * Runs all phases.
 *
 * - lag: everything goes on as before, since the endpoints still send here.
 * - announce: every response carries `Connection: close`; over early when no connection is left.
 * - drain: nothing is accepted any more, idle sockets are closed, requests in flight may end; then the rest is cut.
 * - close, flush: dependencies, then telemetry.
 * - ship: nothing but time, for whoever reads the last lines out of a file and sends them on.
 *
 * @returns the problems of all phases, a sentence each
 */
export async function drain(opts: DrainOptions): Promise<string[]> {
  const { seconds, connections } = opts;
  const problems: string[] = [];
  const run = async (phase: Phase): Promise<void> => {
    problems.push(...(await runPhase(phase, opts)));
  };

  await run({ name: "lag", seconds: seconds.lag, work: () => opts.lagOver, waits: true });

  connections.announce();
  await run({ name: "announce", seconds: seconds.announce, work: () => connections.empty() });

  await run({
    name: "drain",
    seconds: seconds.drain,
    work: async () => {
      await acceptQueueTaken(connections);
      opts.stopListening();
      connections.retire();
      await connections.empty();
    },
    giveUp: () => {
      const cut = `${count(connections.inFlight, "request")} on ${count(connections.count, "connection")}`;
      connections.destroy();
      return [`cut at the deadline of ${seconds.drain} s: ${cut}`];
    },
  });

  await run(closingPhase("close", seconds.close, opts.close));
  await run(closingPhase("flush", seconds.flush, opts.flush));
  await ship(seconds.ship, opts);
  return problems;
}

/** Waits for who sends the last lines on; no phase at all where nobody has to be waited for. */
export async function ship(seconds: number, opts: Pick<DrainOptions, "connections" | "emit">): Promise<void> {
  if (seconds > 0) {
    await runPhase({ name: "ship", seconds, work: () => new Promise(() => {}), waits: true }, opts);
  }
}

/** A phase that closes parts side by side; one that fails or hangs keeps no other from closing. */
export function closingPhase(name: "close" | "flush", seconds: number, parts: readonly Closeable[]): Phase {
  const left = new Set(parts);
  const problems: string[] = [];

  async function closePart(part: Closeable): Promise<void> {
    try {
      await part.close();
    } catch (error) {
      problems.push(`${part.name} failed to close: ${sentence(error)}`);
    }
    left.delete(part);
  }

  return {
    name,
    seconds,
    work: async () => void (await Promise.all(parts.map(closePart))),
    giveUp: () => [...left].map((part) => `${part.name} did not close within ${seconds} s`),
    problems,
  };
}

/** Runs one phase up to its deadline, with an event at each end. */
export async function runPhase(
  phase: Phase,
  { connections, emit }: Pick<DrainOptions, "connections" | "emit">,
): Promise<readonly string[]> {
  const deadlineMs = phase.seconds * 1000;
  const startMs = performance.now();
  const left = () => ({ inFlight: connections.inFlight, connections: connections.count });
  emit({ type: "phase", phase: phase.name, at: "start", deadlineMs, ...left() });

  const inTime = await within(deadlineMs, phase.work());
  const tookMs = Math.round(performance.now() - startMs);
  const atEnd = left();
  const problems = [...(phase.problems ?? []), ...(inTime ? [] : (phase.giveUp?.() ?? []))];
  const outcome = inTime || phase.waits === true ? "done" : "deadline";
  emit({ type: "phase", phase: phase.name, at: "end", tookMs, outcome, ...atEnd, problems });
  return problems;
}

/** Whether the work is done before the time is over. With no time at all, only what is done already counts. */
async function within(deadlineMs: number, work: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, deadlineMs, false);
  try {
    return await Promise.race([work.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves when the kernel's queue of connections has been taken in: closing the listening socket resets what waits there. node
 * takes one a turn of the event loop, so turns go by until one brings none. What arrives in the instant after is reset all the
 * same; that nobody opens connections any more is what lag is for.
 */
async function acceptQueueTaken(connections: Connections): Promise<void> {
  for (let turns = 0; turns <= ACCEPT_QUEUE_LENGTH; turns += 1) {
    const { accepted } = connections;
    await nextTurn();
    if (connections.accepted === accepted) {
      return;
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
