import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { AgentCommand, AgentLine } from "./agent-lines.ts";
import { createClockOffset } from "./clock-offset.ts";
import { nowEpochMs, toMicros } from "./clock.ts";
import { LoadError } from "./errors.ts";
import { isFailed, type ConnectionKind, type Ledger, type LedgerHeader, type LedgerLine } from "./ledger.ts";
import { createLedgerFile, type LedgerFile } from "./ledger-file.ts";
import { readLedger } from "./ledger-reader.ts";
import { parsePlan, type LoadPlan, type ResolvedPlan } from "./plan.ts";
import { parseRule, type PassRule } from "./rule.ts";
import { createStats, type LoadStats } from "./stats.ts";

export interface LoadOptions {
  /** JSONL file; its folder is made. Appears under this name only when the run is complete (`<name>.partial` before). Absent: nothing is kept, and `stop()` gives a ledger that is INVALID. */
  ledgerFile?: string;
  /** Written into the ledger, so that the verdict can be recomputed. */
  rule?: PassRule;
  /** Written into the ledger's first line. */
  about?: Record<string, unknown>;
  /** Called every `tickMs` (default 1 000). */
  onTick?: (stats: LoadStats) => void;
  tickMs?: number;
  /** What "the last window" of the stats is; default 5 000. */
  windowMs?: number;
  /** `ready` rejects when the target has not answered this long after the agent was up; default 15 000. */
  readyWithinMs?: number;
  /** Breaks off at once: no result, no file. */
  signal?: AbortSignal;
  /** The agent's command line; default: this Node running agent.ts. It speaks over stdin and stdout. */
  command?: string[];
}

export interface MarkOptions {
  subject?: string;
  detail?: unknown;
  /** When it happened: `performance.timeOrigin + performance.now()` of this process; default now. */
  atMs?: number;
}

export interface LoadRun {
  /** All persistent sockets are open, and one answer of each connection kind was seen. The ledger gets the event `load.ready`. */
  readonly ready: Promise<void>;
  /** Settles as `stop()` does, when the plan's duration is over or the run breaks. */
  readonly ended: Promise<Ledger>;
  readonly agentPid: number | undefined;
  /** Writes an event line, on the ledger's clock. */
  mark(name: string, opts?: MarkOptions): void;
  stats(): LoadStats;
  /** The ledger as it is written so far, some ms behind; its `problems` say that it has no end yet. Rejects after the run's end. */
  ledgerSoFar(): Promise<Ledger>;
  /** Changes the arrival rate from now on. Throws LoadError `LOAD_PLAN_INVALID`. */
  setRate(perSecond: number): void;
  /** Schedules nothing more, lets what is under way finish, closes the ledger. May be called again: same answer. */
  stop(): Promise<Ledger>;
}

/** What the agent may take to come up, a container that is scheduled first included; that is not the target's time. */
const START_MS = 30_000;
/** What the agent may take beyond its slowest request to write its end and exit. */
const STOP_MARGIN_MS = 3_000;
/** Enough of the agent's complaints to name the cause in the error. */
const STDERR_CHARS = 2_000;

/**
 * Starts the load agent as a process of its own and keeps its ledger.
 *
 * Whoever starts it stops it: an agent whose starter is gone ends by itself, and so does one in a terminal's other process group,
 * so Ctrl-C reaches it only through `stop()` or `opts.signal`.
 * When the run breaks (agent gone, ledger not writable, aborted), `ended` and `stop()` reject with a LoadError, and no file is left: such a run has no result.
 *
 * @throws LoadError `LOAD_PLAN_INVALID`, `LOAD_RULE_INVALID`
 */
export function startLoad(plan: LoadPlan, opts: LoadOptions = {}): LoadRun {
  const resolved = parsePlan(plan);
  if (opts.rule !== undefined) parseRule(opts.rule);
  if (opts.signal?.aborted) throw aborted();
  return createRun(resolved, opts);
}

function createRun(plan: ResolvedPlan, opts: LoadOptions): LoadRun {
  const [program = process.execPath, ...args] = opts.command ?? [
    process.execPath,
    fileURLToPath(new URL("./agent.ts", import.meta.url)),
  ];
  // A process group of its own: Ctrl-C in a terminal reaches the whole group, and the ledger must be closed in order.
  const agent = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const stats = createStats(opts.windowMs ?? 5_000);
  const offset = createClockOffset((ping) => tell({ ping }));
  const toAnswer = new Set<ConnectionKind>();
  if (plan.newShare > 0) toAnswer.add("new");
  if (plan.newShare < 1) toAnswer.add("persistent");
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Ledger>();
  // Both may be left unread.
  ready.promise.catch(() => undefined);
  ended.promise.catch(() => undefined);

  let header: LedgerHeader | undefined;
  let file: LedgerFile | undefined;
  let lines: string[] | undefined = opts.ledgerFile === undefined ? undefined : [];
  let unwritten: (MarkOptions & { name: string; atMs: number })[] = [];
  let hasEnded = false;
  let broken: LoadError | undefined;
  let complaint = "";
  let stuckTimer: NodeJS.Timeout | undefined;
  let isReady = false;
  let isOver = false;

  const readyWithinMs = opts.readyWithinMs ?? 15_000;
  let readyTimer = setTimeout(tooLate, START_MS + readyWithinMs);
  const ticker = setInterval(tick, opts.tickMs ?? 1_000);
  opts.signal?.addEventListener("abort", onAbort, { once: true });

  agent.once("error", (error: NodeJS.ErrnoException) => {
    breakOff(new LoadError("LOAD_AGENT_DIED", `The load agent ${program} could not be started (${error.code}).`));
  });
  // What the agent no longer reads is no error of ours: its exit says what happened.
  agent.stdin.on("error", () => undefined);
  agent.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-STDERR_CHARS)));
  agent.once("close", (code, signal) => {
    if (!hasEnded) breakOff(died({ code, signal, complaint }));
    void finish();
  });
  const opening = openLedger();
  createInterface({ input: agent.stdout }).on("line", onLine);
  agent.stdin.write(`${JSON.stringify(plan)}\n`);

  async function openLedger(): Promise<void> {
    if (opts.ledgerFile === undefined) return;
    try {
      file = await createLedgerFile(opts.ledgerFile, breakOff);
      for (const line of lines ?? []) file.line(line);
      lines = undefined;
    } catch (error) {
      breakOff(error as LoadError);
    }
  }

  /** Lines that come while the file is being opened wait for it. */
  function keep(line: string): void {
    if (broken !== undefined) return;
    if (file !== undefined) file.line(line);
    else lines?.push(line);
  }

  function write(line: LedgerLine): void {
    keep(JSON.stringify(line));
  }

  function onLine(text: string): void {
    const line = parse(text);
    if (line === undefined) {
      const sentence = `The load agent said what no ledger holds (${text.slice(0, 80)}), so its run has no result.`;
      breakOff(new LoadError("LOAD_AGENT_DIED", sentence));
      return;
    }
    switch (line.type) {
      case "plan":
        header = {
          ...line,
          ...(opts.rule !== undefined && { rule: opts.rule }),
          ...(opts.about !== undefined && { about: opts.about }),
        };
        write(header);
        offset.ping();
        clearTimeout(readyTimer);
        readyTimer = setTimeout(tooLate, readyWithinMs);
        return;
      case "pong":
        onPong(line);
        return;
      case "tick":
        stats.setNow(line);
        return;
      case "error":
        breakOff(new LoadError("LOAD_AGENT_DIED", line.sentence));
        return;
      case "request":
        stats.add(line);
        if (!isFailed(line.fate)) toAnswer.delete(line.connection);
        break;
      case "socket":
        stats.add(line);
        break;
      case "rate":
        stats.setRate(line.ratePerSecond);
        break;
      case "end":
        hasEnded = true;
        // Whatever is known by now; and a second time at the end, so that drift over the run shows.
        writeClock();
        writeMarks();
        break;
      default:
        break;
    }
    keep(text);
    becomeReady();
  }

  function onPong(answer: { ping: number; atMs: number }): void {
    if (header === undefined) return;
    const wasSettled = offset.settled;
    offset.pong({ ping: answer.ping, atMs: header.epochMs + answer.atMs });
    if (wasSettled || !offset.settled) return;
    writeClock();
    writeMarks();
    becomeReady();
  }

  function ledgerMs(epochMs: number): number {
    return toMicros(epochMs + (offset.estimate?.offsetMs ?? 0) - (header?.epochMs ?? 0));
  }

  function writeClock(): void {
    if (offset.estimate === undefined) return;
    write({
      type: "clock",
      atMs: ledgerMs(nowEpochMs()),
      offsetMs: toMicros(offset.estimate.offsetMs),
      uncertaintyMs: toMicros(offset.estimate.uncertaintyMs),
    });
  }

  /** Marks that came before the clocks were compared. */
  function writeMarks(): void {
    for (const mark of unwritten) writeEvent(mark);
    unwritten = [];
  }

  function writeEvent({ name, atMs, subject, detail }: MarkOptions & { name: string; atMs: number }): void {
    write({
      type: "event",
      atMs: ledgerMs(atMs),
      name,
      ...(subject !== undefined && { subject }),
      ...(detail !== undefined && { detail }),
    });
  }

  function mark(name: string, markOpts: MarkOptions = {}): void {
    // After the agent's end the file is being sealed; nothing that happens now is about this run.
    if (hasEnded || broken !== undefined) return;
    const event = { ...markOpts, name, atMs: markOpts.atMs ?? nowEpochMs() };
    if (offset.settled) writeEvent(event);
    else unwritten.push(event);
  }

  function becomeReady(): void {
    if (isReady || toAnswer.size > 0 || !offset.settled) return;
    if (plan.newShare < 1 && stats.openSockets < plan.persistentSockets) return;
    isReady = true;
    clearTimeout(readyTimer);
    mark("load.ready");
    ready.resolve();
  }

  function tooLate(): void {
    const { ended: seen, failed, openSockets } = stats.read();
    const found =
      seen === 0
        ? `no request has ended and ${openSockets} of ${plan.persistentSockets} persistent sockets are open`
        : `${failed} of ${seen} requests failed, and ${openSockets} of ${plan.persistentSockets} persistent sockets are open`;
    ready.reject(
      new LoadError(
        "LOAD_NOT_READY",
        `${plan.url} did not answer as expected in time: ${found}. See whether it is up.`,
      ),
    );
  }

  function tick(): void {
    if (header !== undefined) offset.ping();
    opts.onTick?.(stats.read());
  }

  function tell(command: AgentCommand): void {
    if (agent.stdin.writable) agent.stdin.write(`${JSON.stringify(command)}\n`);
  }

  function onAbort(): void {
    breakOff(aborted());
  }

  /** The first reason counts. Ends the agent at once: what it would still say is worth nothing. */
  function breakOff(error: LoadError): void {
    if (broken !== undefined) return;
    broken = error;
    agent.kill("SIGKILL");
    // An agent behind another program (a container) hears of it by the end of its input.
    agent.stdin.destroy();
  }

  async function finish(): Promise<void> {
    isOver = true;
    clearTimeout(readyTimer);
    clearTimeout(stuckTimer);
    clearInterval(ticker);
    opts.signal?.removeEventListener("abort", onAbort);
    await opening;
    try {
      ended.resolve(await closeLedger());
    } catch (error) {
      ready.reject(error);
      ended.reject(error);
    }
    ready.reject(new LoadError("LOAD_NOT_READY", "The load was stopped before the target had answered."));
  }

  async function closeLedger(): Promise<Ledger> {
    if (broken !== undefined) {
      await file?.discard();
      throw broken;
    }
    if (file === undefined || opts.ledgerFile === undefined) return unkept();
    await file.seal();
    // Read back, so that the verdict on the run is the verdict on its file.
    return readLedger(opts.ledgerFile);
  }

  function unkept(): Ledger {
    if (header === undefined) throw died({ code: 0, signal: null, complaint });
    const none = { rates: [], requests: [], events: [], sockets: [], clocks: [], end: undefined };
    return { header, ...none, problems: ["no file was asked for, so nothing was kept"] };
  }

  async function ledgerSoFar(): Promise<Ledger> {
    await opening;
    if (broken !== undefined) throw broken;
    if (file === undefined) return unkept();
    return readLedger(file.partial);
  }

  function stop(): Promise<Ledger> {
    if (isOver) return ended.promise;
    tell({ stop: true });
    stuckTimer ??= setTimeout(() => {
      const sentence = `The load agent did not end within ${(plan.timeoutMs + STOP_MARGIN_MS) / 1_000} s after it was told to, so its run has no result.`;
      breakOff(new LoadError("LOAD_AGENT_STUCK", sentence));
    }, plan.timeoutMs + STOP_MARGIN_MS);
    return ended.promise;
  }

  return {
    ready: ready.promise,
    ended: ended.promise,
    agentPid: agent.pid,
    mark,
    stats: () => stats.read(),
    ledgerSoFar,
    setRate(ratePerSecond) {
      parsePlan({ ...plan, ratePerSecond });
      tell({ rate: ratePerSecond });
    },
    stop,
  };
}

function parse(text: string): AgentLine | undefined {
  try {
    return JSON.parse(text) as AgentLine;
  } catch {
    return undefined;
  }
}

function died(opts: { code: number | null; signal: string | null; complaint: string }): LoadError {
  const how = opts.signal === null ? `exit code ${opts.code}` : opts.signal;
  const said = opts.complaint.trim().split("\n").at(-1);
  const sentence = `The load agent ended before it was told to (${how}${said ? `: ${said}` : ""}), so its run has no result.`;
  return new LoadError("LOAD_AGENT_DIED", sentence);
}

function aborted(): LoadError {
  return new LoadError("LOAD_ABORTED", "The run was broken off, so it has no result.");
}
