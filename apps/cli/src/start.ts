/** One life of `start`: prepare, run, show, and leave nothing behind, however it ends. */
import { access, constants, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, exitCodeOf } from "@holdfast/experiments/exit-codes";
import { watchInterrupts, type Interrupts } from "@holdfast/experiments/interrupt";
import { judge, type Verdict } from "@holdfast/load";
import { aborted, isOfAbort } from "./aborted.ts";
import { CliError, errorCode, fileTrouble, messageOf, usageError } from "./cli-error.ts";
import { serveControl } from "./control-socket.ts";
import { choosePort, USUAL_PORT_TAKEN } from "./free-port.ts";
import { watchKeys } from "./keys.ts";
import { REPO_ROOT } from "./repo.ts";
import { ensureServiceBundle } from "./service-bundle.ts";
import { createActions, type Actions } from "./session-actions.ts";
import { createControlHandler } from "./session-control.ts";
import { claimSessionDir, DEFAULT_SESSION, sessionDir, type SessionDir } from "./session-dir.ts";
import { AFTER_MS, BASELINE_MS, GENTLE, JUDGED, loadShape } from "./session-load.ts";
import { createSession, type Session } from "./session.ts";
import { createLiveView, createPlainView } from "./start-view.ts";
import type { Terminal } from "./terminal.ts";
import { verdictLines } from "./verdict-words.ts";
import { count, duration, failures, plural } from "./words.ts";

export interface StartOptions {
  port?: number;
  replicas: number;
  rate?: number;
  rollout?: true;
  name: string;
  logDir?: string;
  output?: "json";
}

/** What a replica gets to drain when somebody asks twice. */
const HURRY_GRACE_MS = 200;

/** Runs until it is told to end, or with `rollout` until that is judged. Returns the exit code. */
export async function start(opts: StartOptions, terminal: Terminal): Promise<number> {
  if (opts.rollout && opts.rate === 0) {
    throw usageError("--rollout is judged by what becomes of requests: give a --rate above 0.");
  }
  const abort = new AbortController();
  let session: Session | undefined;
  const interrupts = watchInterrupts((times) => {
    abort.abort();
    // What it ends with is heard by the stop that is under way.
    if (times > 1) session?.stop({ graceMs: HURRY_GRACE_MS }).catch(() => {});
  });
  const life: Life = { terminal, signal: abort.signal, interrupts, onSession: (made) => (session = made) };
  try {
    const verdict = await live(opts, life).catch((error: unknown) => {
      if (opts.port !== undefined || errorCode(error) !== "FLEET_PORT_TAKEN" || abort.signal.aborted) throw error;
      // Looked free and is not: another fleet holds it while its replicas start.
      terminal.note(USUAL_PORT_TAKEN);
      return live({ ...opts, port: 0 }, life);
    });
    if (!verdict) return EXIT.done;
    printVerdict(verdict, { opts, terminal });
    return exitCodeOf(verdict.verdict);
  } catch (error) {
    if (!abort.signal.aborted || !isOfAbort(error, abort.signal)) throw afterAbort(error, abort.signal);
    if (session && opts.output !== "json") terminal.print(farewell(session));
    return opts.rollout ? EXIT.interrupted : EXIT.done;
  } finally {
    interrupts.dispose();
  }
}

/** Where the clean-up fails after a signal, that is what must be known, not the signal. */
function afterAbort(error: unknown, signal: AbortSignal): unknown {
  return error instanceof SuppressedError && isOfAbort(error.suppressed, signal) ? error.error : error;
}

interface Life {
  terminal: Terminal;
  signal: AbortSignal;
  interrupts: Interrupts;
  onSession: (session: Session) => void;
}

/** From nothing to nothing. What was begun is undone in reverse, whether it ends well, by an error or by a signal. */
async function live(
  opts: StartOptions,
  { terminal, signal, interrupts, onSession }: Life,
): Promise<Verdict | undefined> {
  await using undo = new AsyncDisposableStack();
  const bundle = await ensureServiceBundle({ note: terminal.note, signal });
  const dir = sessionDir(opts.name);
  const claimed = await claimSessionDir(dir);
  undo.defer(claimed.release);

  const session = await prepareSession(opts, { terminal, bundle, dir });
  onSession(session);
  const actions = createActions(session);
  const control = await serveControl(dir.socket, createControlHandler({ session, actions, stop: stopForAnother }));
  undo.defer(() => control.close("The start that you asked is ending."));
  const view = showSession(session, { opts, terminal, actions, interrupts });
  undo.defer(view.end);
  // Undone first, so that the drain can be watched and asked about.
  undo.defer(async () => void (await session.stop()));

  const verdict = await Promise.race([act(session, { opts, terminal, actions, signal }), session.died]);
  return verdict;

  async function stopForAnother(): Promise<{ text: string }> {
    interrupts.raise();
    await session.stop();
    return { text: farewell(session) };
  }
}

async function prepareSession(
  opts: StartOptions,
  context: { terminal: Terminal; bundle: string; dir: SessionDir },
): Promise<Session> {
  const { terminal, bundle, dir } = context;
  const logDir = await prepareLogDir(opts.logDir ?? path.join(dir.path, "logs"));
  const { port, trouble } = await choosePort(opts.port);
  if (trouble) terminal.note(trouble);
  const load = loadShape(opts.rollout ? JUDGED : GENTLE, opts.rate);
  return createSession({
    name: opts.name,
    bundle,
    port,
    replicas: opts.replicas,
    logDir,
    ...load,
    ...(opts.rollout ? { ledgerFile: await prepareLedgerFile(opts) } : {}),
  });
}

interface Show {
  opts: StartOptions;
  terminal: Terminal;
  actions: Actions;
  interrupts: Interrupts;
}

function showSession(session: Session, { opts, terminal, actions, interrupts }: Show): { end: () => void } {
  if (!isLive(opts, terminal)) {
    terminal.note(`Starting ${plural(opts.replicas, "replica")} of the catalogue and 1 of stock ...`);
    // With --rollout the verdict is the result, and the rest is progress.
    const write = opts.output === "json" && opts.rollout ? terminal.note : terminal.print;
    return createPlainView(session, { write, json: opts.output === "json" && !opts.rollout });
  }
  const view = createLiveView(session, terminal);
  const { tell } = session;
  const forgetKeys = watchKeys({
    stdin: terminal.stdin,
    actions,
    tell,
    toggleHelp: view.toggleHelp,
    quit: interrupts.raise,
  });
  return {
    end() {
      forgetKeys();
      view.end();
    },
  };
}

function isLive(opts: StartOptions, terminal: Terminal): boolean {
  return terminal.live && opts.output === undefined;
}

interface Act {
  opts: StartOptions;
  terminal: Terminal;
  actions: Actions;
  signal: AbortSignal;
}

/** What happens between the start and the end: nothing but load, until the signal; or one rollout, to its verdict. */
async function act(session: Session, { opts, terminal, actions, signal }: Act): Promise<Verdict | undefined> {
  await session.start(signal);
  // Since this process began: what came before it (Node, dependencies) has been said by the pre-step.
  const serving = `Serving at ${session.url} after ${duration(performance.now())}.`;
  if (isLive(opts, terminal)) session.tell(serving.slice(0, -1), "good");
  else if (opts.output === undefined) terminal.print(serving);
  await session.sendLoad(signal);
  if (!opts.rollout) return aborted(signal);
  await sleep(BASELINE_MS, undefined, { signal });
  await Promise.race([actions.rollOut(), aborted(signal)]);
  await sleep(AFTER_MS, undefined, { signal });
  const ledger = await session.stop();
  if (!ledger) {
    const { loadTrouble } = session;
    const why = loadTrouble === undefined ? "" : ` (${messageOf(loadTrouble)})`;
    throw new CliError(`The load left no records, so there is nothing to judge${why}: run it again.`, {
      code: "NO_LEDGER",
      cause: loadTrouble,
    });
  }
  return judge(ledger);
}

function printVerdict(verdict: Verdict, { opts, terminal }: { opts: StartOptions; terminal: Terminal }): void {
  const again = `The same verdict from its raw records: ./holdfast verdict ${fromHere(ledgerFileOf(opts))}`;
  if (opts.output === "json") {
    terminal.print(JSON.stringify(verdict, undefined, 2));
    return terminal.note(again);
  }
  for (const line of verdictLines(verdict, {
    paint: terminal.paint,
    width: terminal.width,
    title: "one rollout under load",
  }))
    terminal.print(line);
  terminal.print(again);
}

function farewell(session: Session): string {
  const { load } = session.snapshot();
  const { sent, answered, degraded, failed } = load;
  return `Drained and ended: ${plural(sent, "request")}, ${count(answered)} answered, ${count(degraded)} degraded, ${failures(failed)}.`;
}

/** Kept, for a verdict without its records is only a word. The next rollout of that name replaces it. */
function ledgerFileOf({ logDir, name }: StartOptions): string {
  if (logDir !== undefined) return path.resolve(logDir, "rollout.ledger.jsonl");
  return path.join(REPO_ROOT, "out", `rollout${name === DEFAULT_SESSION ? "" : `-${name}`}.ledger.jsonl`);
}

async function prepareLedgerFile(opts: StartOptions): Promise<string> {
  const file = ledgerFileOf(opts);
  const dir = path.dirname(file);
  try {
    await makeDir(dir);
    await access(dir, constants.W_OK);
    return file;
  } catch (error) {
    throw new CliError(
      `Cannot keep the rollout's records in ${dir}: ${fileTrouble(error)}. Give a --log-dir that can be written.`,
      { code: "LEDGER_DIR", cause: error },
    );
  }
}

/** As a person would type it. */
function fromHere(file: string): string {
  const relative = path.relative("", file);
  return relative.startsWith("..") ? file : relative;
}

/** As `mkdir -p`. Node's own `recursive` never comes back where a file system refuses every new directory (/proc). */
export async function makeDir(dir: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(dir, { mode });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    const parent = path.dirname(dir);
    if (errorCode(error) !== "ENOENT" || parent === dir) throw error;
    await makeDir(parent, mode);
    await mkdir(dir, { mode });
  }
}

async function prepareLogDir(dir: string): Promise<string> {
  try {
    await makeDir(path.resolve(dir), 0o700);
    await readdir(dir);
    return path.resolve(dir);
  } catch (error) {
    throw new CliError(`Cannot keep logs in ${dir}: ${fileTrouble(error)}. Give another --log-dir.`, {
      code: "LOG_DIR",
      cause: error,
    });
  }
}
