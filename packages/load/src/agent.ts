#!/usr/bin/env node
/**
 * The load agent: a program of its own, so that nobody else's work delays its requests.
 *
 *   stdin    the plan as one line of JSON, then commands (see agent-lines.ts); its end stops the run, so no agent outlives who started it
 *   stdout   ledger lines, and ticks and pongs between them
 *   signals  SIGTERM and SIGINT stop the run as the command does; the second one ends the process at once
 *   exit     0 when the run was completed, 1 when not
 */
import { lookup } from "node:dns/promises";
import { connect as connectTo, isIP, type Socket } from "node:net";
import { createInterface } from "node:readline";

import type { AgentCommand, AgentLine } from "./agent-lines.ts";
import { createArrivals, type Arrivals } from "./arrivals.ts";
import { nowEpochMs, toMicros } from "./clock.ts";
import { LoadError } from "./errors.ts";
import { exchange, type Outcome } from "./exchange.ts";
import { LEDGER_SCHEMA_VERSION, noFates, type LedgerEnd, type RequestRecord } from "./ledger.ts";
import { createLineWriter } from "./line-writer.ts";
import { createPersistentSockets, type PersistentSocket } from "./persistent-sockets.ts";
import { parsePlan, type ResolvedPlan } from "./plan.ts";
import { createMix, type Arrival } from "./schedule.ts";
import { spread } from "./spread.ts";
import { createTraceIds } from "./trace-ids.ts";

const STDOUT = 1;
const TICK_MS = 500;
/** The first request waits at most this long for the persistent sockets: a target that is down is a result too. */
const OPENING_MS = 2_000;
/** Opening many sockets at once keeps the event loop busy for some ms; the first request is not to be late for that. */
const SETTLING_MS = 50;

// Whoever reads stdout is gone: there is nobody to tell, and nothing may be left running.
const out = createLineWriter(STDOUT, () => process.exit(1));
const say = (line: AgentLine) => out.line(JSON.stringify(line));

const input = createInterface({ input: process.stdin });
let run: Run | undefined;
let stopRequested: LedgerEnd["stoppedBy"] | undefined;

interface Run {
  command(command: AgentCommand): void;
  stop(by: LedgerEnd["stoppedBy"]): void;
}

input.once("line", function onPlan(line) {
  input.on("line", onCommand);
  startRun(line).catch(fail);
});
input.once("close", () => stop("eof"));
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => (stopRequested === undefined ? stop("signal") : process.exit(1)));
}

function onCommand(line: string): void {
  const command = JSON.parse(line) as AgentCommand;
  if ("stop" in command) stop("stop");
  else run?.command(command);
}

/** A run that is only being made is stopped as soon as it is there. */
function stop(by: LedgerEnd["stoppedBy"]): void {
  if (stopRequested !== undefined) return;
  stopRequested = by;
  run?.stop(by);
}

async function fail(error: unknown): Promise<void> {
  const code = error instanceof LoadError ? error.code : "LOAD_AGENT_DIED";
  say({ type: "error", code, sentence: error instanceof Error ? error.message : String(error) });
  await out.close();
  process.exit(1);
}

async function startRun(planLine: string): Promise<void> {
  const plan = parsePlan(parseJson(planLine));
  const target = await resolveTarget(plan.url);
  const epochMs = nowEpochMs();
  const now = () => nowEpochMs() - epochMs;
  say({ type: "plan", schemaVersion: LEDGER_SCHEMA_VERSION, epochMs, plan });
  run = createRun({ plan, target, now });
  if (stopRequested !== undefined) run.stop(stopRequested);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new LoadError("LOAD_PLAN_INVALID", "The load plan cannot be run: the first line on stdin is not JSON.");
  }
}

interface Target {
  address: string;
  port: number;
  host: string;
  basePath: string;
}

/** Once, before anything is counted: neither a name server nor a second address may have a part in a request's fate. */
async function resolveTarget(url: string): Promise<Target> {
  const { hostname, host, port, pathname } = new URL(url);
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  const address = isIP(name) > 0 ? name : await lookup(name).then(({ address }) => address, unresolved);
  return { address, port: port === "" ? 80 : Number(port), host, basePath: pathname.replace(/\/$/, "") };

  function unresolved(error: NodeJS.ErrnoException): never {
    const sentence = `The target's name "${name}" could not be resolved (${error.code}); give an address, or a name that this machine knows.`;
    throw new LoadError("LOAD_AGENT_DIED", sentence);
  }
}

function createRun(opts: { plan: ResolvedPlan; target: Target; now: () => number }): Run {
  const { plan, target, now } = opts;
  const nextArrival = createMix(plan);
  const nextIds = createTraceIds();
  const lagsMs: number[] = [];
  const byFate = noFates();
  let arrivals: Arrivals | undefined;
  let sockets = 0;
  let inFlight = 0;
  let stoppedBy: LedgerEnd["stoppedBy"] | undefined;

  const persistent = createPersistentSockets({
    count: plan.newShare < 1 ? plan.persistentSockets : 0,
    connect,
    connectTimeoutMs: plan.timeoutMs,
    onRecord: (record) => say({ type: "socket", atMs: toMicros(now()), ...record }),
  });
  const ticker = setInterval(tick, TICK_MS);
  const opening = setTimeout(begin, OPENING_MS);
  void persistent.start().then(begin);

  function begin(): void {
    clearTimeout(opening);
    if (arrivals !== undefined || stoppedBy !== undefined) return;
    const firstMs = toMicros(now() + SETTLING_MS);
    arrivals = createArrivals({
      now,
      firstMs,
      untilMs: plan.durationMs === undefined ? Number.POSITIVE_INFINITY : firstMs + plan.durationMs,
      onDue: send,
      onOver: () => stopRun("duration"),
    });
    setRate(plan.ratePerSecond);
  }

  function setRate(ratePerSecond: number): void {
    if (arrivals === undefined || stoppedBy !== undefined) return;
    const first = arrivals.setRate(ratePerSecond);
    say({ type: "rate", i: first.i, atMs: toMicros(first.atMs), ratePerSecond });
  }

  function connect(): { id: number; socket: Socket } {
    const socket = connectTo({ host: target.address, port: target.port, noDelay: true });
    // Errors come to those who use it; one that comes between two users must not end the process.
    socket.on("error", () => undefined);
    return { id: sockets++, socket };
  }

  function send(scheduledMs: number): void {
    const arrival = nextArrival();
    const dueMs = toMicros(scheduledMs);
    const dispatchedMs = now();
    lagsMs.push(dispatchedMs - dueMs);
    inFlight++;
    if (arrival.connection === "new") {
      const { id, socket } = connect();
      start({ arrival, dueMs, dispatchedMs, id, socket });
    } else {
      waitForIdle({ arrival, dueMs, dispatchedMs });
    }
  }

  interface Due {
    arrival: Arrival;
    dueMs: number;
    dispatchedMs: number;
  }

  function waitForIdle(due: Due): void {
    const timer = setTimeout(giveUp, Math.ceil(due.dueMs + plan.timeoutMs - due.dispatchedMs));
    const stopWaiting = persistent.take((taken) => {
      clearTimeout(timer);
      start({ ...due, id: taken.id, socket: taken.socket, taken });
    });

    function giveUp(): void {
      stopWaiting();
      const atMs = now();
      record({ ...due, id: -1, sentMs: atMs, traceId: "" }, { fate: "unsent", error: "NO_IDLE_SOCKET" });
    }
  }

  function start(due: Due & { id: number; socket: Socket; taken?: PersistentSocket }): void {
    const { arrival, taken } = due;
    const { kind } = arrival;
    const { traceId, spanId } = nextIds();
    const sentMs = now();
    const fill = (template: string) => template.replaceAll("{i}", String(arrival.i));
    const body = kind.body === undefined ? undefined : fill(kind.body);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(kind.headers)) headers[name] = fill(value);
    headers["host"] = target.host;
    headers["connection"] = taken === undefined ? "close" : "keep-alive";
    headers["traceparent"] = `00-${traceId}-${spanId}-${arrival.sampled ? "01" : "00"}`;
    if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));

    exchange({
      socket: due.socket,
      method: kind.method,
      path: target.basePath + fill(kind.path),
      headers,
      body,
      expectStatus: kind.expectStatus,
      servedByHeader: plan.servedByHeader,
      degradedHeader: plan.degradedHeader,
      timeoutMs: due.dueMs + plan.timeoutMs - sentMs,
      onOutcome(outcome) {
        if (taken !== undefined) {
          if (outcome.status !== undefined) taken.answered = true;
          if (outcome.fate === "timeout") taken.givenUp = true;
        }
        record({ ...due, sentMs, traceId }, outcome);
      },
      onRelease() {
        if (taken === undefined) due.socket.destroy();
        else persistent.release(taken);
      },
    });
  }

  function record(sent: Due & { id: number; sentMs: number; traceId: string }, outcome: Outcome): void {
    const { arrival, dueMs } = sent;
    const waitedMs = toMicros(sent.sentMs - sent.dispatchedMs);
    const line: RequestRecord = {
      type: "request",
      i: arrival.i,
      request: arrival.kind.name,
      connection: arrival.connection,
      socket: sent.id,
      scheduledMs: dueMs,
      sentMs: toMicros(sent.sentMs),
      ...(arrival.connection === "persistent" && waitedMs >= 1 && { waitedMs }),
      endMs: toMicros(now()),
      traceId: sent.traceId,
      ...(arrival.sampled && { sampled: true as const }),
      ...outcome,
    };
    say(line);
    byFate[outcome.fate]++;
    inFlight--;
    if (stoppedBy !== undefined && inFlight === 0) finish();
    // Timers run once a turn of the event loop, and a turn that brings many answers is long (at 2 000/s: p50 0.45 ms late instead of 0.7).
    else arrivals?.pump();
  }

  function tick(): void {
    say({ type: "tick", atMs: toMicros(now()), inFlight });
  }

  function command(command: AgentCommand): void {
    if ("rate" in command) setRate(command.rate);
    if ("ping" in command) {
      say({ type: "pong", ping: command.ping, atMs: toMicros(now()) });
      out.flush();
    }
  }

  function stopRun(by: LedgerEnd["stoppedBy"]): void {
    if (stoppedBy !== undefined) return;
    stoppedBy = by;
    arrivals?.stop();
    // Tells at once whether anybody still reads.
    tick();
    out.flush();
    if (inFlight === 0) finish();
  }

  function finish(): void {
    clearInterval(ticker);
    clearTimeout(opening);
    persistent.stop();
    const { user, system } = process.cpuUsage();
    say({
      type: "end",
      atMs: toMicros(now()),
      scheduled: arrivals?.scheduled ?? 0,
      byFate,
      scheduleLag: spread(lagsMs),
      cpuMs: Math.round((user + system) / 1_000),
      stoppedBy: stoppedBy ?? "stop",
    });
    void out.close().then(() => process.exit(0));
  }

  return { command, stop: stopRun };
}
