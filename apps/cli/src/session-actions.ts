/** What can be done to a running `start`, by a key or from a second terminal. Each ends with a sentence. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet, ReplicaStatus } from "@holdfast/fleet";
import { CliError, usageError } from "./cli-error.ts";
import type { ControlAnswer } from "./control-socket.ts";
import { addFault, clearFaults } from "./replica-admin.ts";
import { MOST_REPLICAS } from "./session-load.ts";
import { FIRST_VERSION, type Session } from "./session.ts";
import { count, duration, list, plural } from "./words.ts";

export interface Actions {
  rollOut(opts?: { version?: string; progress?: (text: string) => void }): Promise<ControlAnswer>;
  kill(opts?: { replica?: string }): Promise<ControlAnswer>;
  scale(opts: { replicas: number }): Promise<ControlAnswer>;
  /** One more or one less than there should be now. */
  scaleBy(step: 1 | -1): Promise<ControlAnswer>;
  breakStock(opts?: { slowSeconds?: number }): Promise<ControlAnswer>;
  healStock(): Promise<ControlAnswer>;
  overload(opts?: { seconds?: number }): Promise<ControlAnswer>;
}

const OVERLOAD_SECONDS = 15;
const OVERLOAD_FACTOR = 5;
/** How much of each event loop is taken away, step by step. Shedding begins above 0.97. */
const OVERLOAD_SHARES = [0.5, 0.65, 0.8, 0.88, 0.93, 0.96, 0.98];
/** Longer than shedding takes to begin: two of its intervals, and a second until it shows here. */
const OVERLOAD_STEP_MS = 1_500;
/** Until somebody heals it: longer than anybody looks. */
const BROKEN_SECONDS = 3_600;

export function createActions(session: Session): Actions {
  const { catalogue, stock } = session;
  let lastNumber = Number(FIRST_VERSION.slice(1));
  let rolling: string | undefined;
  let overloaded = false;

  async function rollOut(opts: { version?: string; progress?: (text: string) => void } = {}): Promise<ControlAnswer> {
    if (rolling) throw busy(`${rolling} is still being rolled out: wait until it is done.`);
    const version = opts.version ?? nextVersion();
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(version)) {
      throw usageError(`A version is 1 to 32 letters, digits, ".", "_" and "-"; "${version}" is not that.`);
    }
    rolling = version;
    const before = totals(session);
    const startedMs = performance.now();
    try {
      opts.progress?.(`Rolling out ${version} ...`);
      await catalogue.rollOut({ version });
      opts.progress?.(`All replicas of ${version} are ready; waiting for the last old one to end ...`);
      await catalogue.settled();
    } finally {
      rolling = undefined;
    }
    const after = totals(session);
    const sent = after.sent - before.sent;
    const failed = after.failed - before.failed;
    const seconds = (performance.now() - startedMs) / 1_000;
    const text = `${version} is rolled out in ${duration(seconds * 1_000)}: ${plural(sent, "request")} ended meanwhile, ${count(failed)} failed.`;
    session.tell(text.slice(0, -1), failed > 0 ? "bad" : "good");
    return { text, result: { version, seconds, ended: sent, failed } };
  }

  /** Counts on, past what somebody has given a name of that kind. */
  function nextVersion(): string {
    const inUse = new Set(catalogue.replicas().map((replica) => replica.version));
    do lastNumber += 1;
    while (inUse.has(`v${lastNumber}`));
    return `v${lastNumber}`;
  }

  async function kill(opts: { replica?: string } = {}): Promise<ControlAnswer> {
    const victim = opts.replica === undefined ? anyReady(catalogue) : findReplica(session, opts.replica);
    const fleet = catalogue.replicas().some((replica) => replica.name === victim.name) ? catalogue : stock;
    session.tell(`you killed ${victim.name} (SIGKILL)`, "warn");
    await fleet.kill(victim.name, "SIGKILL");
    return {
      text: `Killed ${victim.name} (pid ${victim.pid ?? "-"}) with SIGKILL.`,
      result: { replica: victim.name, pid: victim.pid },
    };
  }

  async function scale({ replicas }: { replicas: number }): Promise<ControlAnswer> {
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > MOST_REPLICAS) {
      throw usageError(`The catalogue can have 1 to ${MOST_REPLICAS} replicas here, not ${replicas}.`);
    }
    const startedMs = performance.now();
    await catalogue.scale(replicas);
    const text = `${replicas === 1 ? "1 replica is" : `${replicas} replicas are`} ready after ${duration(performance.now() - startedMs)}.`;
    return { text, result: { replicas } };
  }

  async function breakStock(opts: { slowSeconds?: number } = {}): Promise<ControlAnswer> {
    if (opts.slowSeconds !== undefined) {
      const delayMs = Math.round(opts.slowSeconds * 1_000);
      const ready = stock.replicas().filter((replica) => replica.state === "ready");
      if (ready.length === 0) {
        throw new CliError("Stock is gone: `./holdfast heal` first, then make it slow.", { code: "STOCK_GONE" });
      }
      await Promise.all(
        ready.map((r) => addFault(r.adminPort, { fault: "latency", delayMs, ttlSeconds: BROKEN_SECONDS })),
      );
      session.note("stock", `made slow by you: ${duration(delayMs)} an answer`);
      session.tell(`you made stock slow: ${duration(delayMs)} an answer`, "warn");
      return {
        text: `Stock takes ${duration(delayMs)} an answer now; \`./holdfast heal\` ends that.`,
        result: { stock: "slow", delayMs },
      };
    }
    session.note("stock", "taken away by you");
    session.tell("you took stock away: the catalogue answers without it, degraded", "warn");
    await stock.scale(0);
    return {
      text: "Stock is gone; the catalogue answers without it, degraded. `./holdfast heal` brings it back.",
      result: { stock: "gone" },
    };
  }

  async function healStock(): Promise<ControlAnswer> {
    if (!isStockBroken(session))
      return { text: "Nothing was broken: stock is as it should be.", result: { stock: "ready" } };
    session.tell("you brought stock back", "good");
    await stock.scale(1);
    await Promise.all(
      stock
        .replicas()
        .filter((r) => r.state === "ready")
        .map((r) => clearFaults(r.adminPort)),
    );
    session.note("stock", undefined);
    return { text: "Stock is back.", result: { stock: "ready" } };
  }

  async function overload(opts: { seconds?: number } = {}): Promise<ControlAnswer> {
    const seconds = opts.seconds ?? OVERLOAD_SECONDS;
    if (overloaded) throw busy("The replicas are overloaded already: wait until it is over.");
    overloaded = true;
    session.note("catalogue", `overloaded by you: ${OVERLOAD_FACTOR} times the load, and ever less CPU to answer it`);
    session.tell(`you overloaded the catalogue for ${seconds} s: it sheds what is too much`, "warn");
    // The picture shows it; nobody waits for the end.
    void overloadFor(seconds).finally(() => {
      overloaded = false;
      session.note("catalogue", undefined);
      session.tell("the overload is over", "good");
    });
    return { text: `Overloaded for ${seconds} s: watch for answers that are shed.`, result: { seconds } };
  }

  /** Takes away more and more of the replicas' event loops until some request is shed: how much that takes is the machine's. */
  async function overloadFor(seconds: number): Promise<void> {
    const { load } = session;
    const endMs = performance.now() + seconds * 1_000;
    const usualRate = load?.stats().ratePerSecond ?? 0;
    const shedBefore = load?.stats().byFate.shed ?? 0;
    load?.setRate(usualRate * OVERLOAD_FACTOR);
    for (const share of OVERLOAD_SHARES) {
      const ttlSeconds = (endMs - performance.now()) / 1_000;
      if (ttlSeconds < 1 || (load?.stats().byFate.shed ?? 0) > shedBefore) break;
      const ready = catalogue.replicas().filter((replica) => replica.state === "ready");
      // One that does not take it has enough to do.
      await Promise.allSettled(ready.map((r) => addFault(r.adminPort, { fault: "cpu-burn", share, ttlSeconds })));
      await sleep(OVERLOAD_STEP_MS, undefined, { ref: false });
    }
    await sleep(Math.max(0, endMs - performance.now()), undefined, { ref: false });
    load?.setRate(usualRate);
  }

  return {
    rollOut,
    kill,
    scale,
    scaleBy: (step) => scale({ replicas: wantedOf(session) + step }),
    breakStock,
    healStock,
    overload,
  };
}

/** Whether somebody has taken stock away or made it slow, and nobody has brought it back. */
function isStockBroken(session: Session): boolean {
  const stock = session.snapshot().services.find((service) => service.name === "stock");
  return stock?.note !== undefined || stock?.wanted === 0;
}

function wantedOf(session: Session): number {
  return session.snapshot().services.find((service) => service.name === "catalogue")?.wanted ?? 0;
}

function totals(session: Session): { sent: number; failed: number } {
  const stats = session.load?.stats();
  return { sent: stats?.ended ?? 0, failed: stats?.failed ?? 0 };
}

function anyReady(fleet: Fleet): ReplicaStatus {
  const ready = fleet.replicas().filter((replica) => replica.state === "ready");
  const victim = ready[Math.floor(Math.random() * ready.length)];
  if (victim) return victim;
  throw new CliError("No replica of the catalogue is ready, so there is none to kill: wait until one is.", {
    code: "NOBODY_READY",
  });
}

function findReplica({ catalogue, stock }: Session, name: string): ReplicaStatus {
  const all = [...catalogue.replicas(), ...stock.replicas()];
  const matches = all.filter((replica) => replica.name === name || replica.name.endsWith(`-${name}`));
  const [match] = matches;
  if (match && matches.length === 1) return match;
  throw usageError(
    `There is no replica "${name}": there ${all.length === 1 ? "is" : "are"} ${list(all.map((replica) => replica.name))}.`,
  );
}

function busy(sentence: string): CliError {
  return new CliError(sentence, { code: "BUSY" });
}
