import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { ClusterError } from "./errors.ts";
import { createJsonSplitter } from "./json-events.ts";

export interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: T;
}

/** A time in which nothing was seen: changes within it are known by their outcome only. */
export interface WatchGap {
  /** When the stream ended, in ms since the epoch. */
  fromMs: number;
  /** How long it took until the next stream answered, in ms. */
  lengthMs: number;
  /** What kubectl said at its end. */
  reason: string;
}

export interface WatchOptions<T> {
  /** At first and after a gap, what there is comes as ADDED; what went away within a gap comes as DELETED in its last known form. */
  onEvent: (event: WatchEvent<T>) => void;
  /** Called once: after `stop()`, or with an error when no stream could be had for `giveUpAfterMs`. */
  onEnd: (error?: Error) => void;
  onGap?: (gap: WatchGap) => void;
  /** Default 60 000 ms: longer than an API server takes to restart, shorter than anybody's patience. */
  giveUpAfterMs?: number;
}

export interface Watch {
  /** Ends the kubectl behind it; no event comes after the call. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface WatchCommand {
  file: string;
  args: readonly string[];
  env: Record<string, string>;
  /** The objects as they are now, to find out what went away unseen; `undefined` when the watch is on a single object. */
  list: () => Promise<readonly unknown[] | undefined>;
}

/** Between two attempts, so that an API server that is away is asked once a second. */
const RETRY_MS = 1000;
/** A stream without objects prints nothing: in a gap, the API server is asked this often whether it is back. */
const QUIET_MS = 2000;

/** Streams that run: a process that ends without `stop()` leaves none behind. */
const running = new Set<{ kill(signal: NodeJS.Signals): boolean }>();
process.once("exit", () => {
  for (const subprocess of running) subprocess.kill("SIGTERM");
});

/**
 * Keeps one `kubectl get --watch` running. The API server ends every watch after some 30 to 60 minutes, and a restart of it at once;
 * each end is followed by a new stream, and reported as a gap.
 */
export function startWatch<T>(command: WatchCommand, opts: WatchOptions<T>): Watch {
  const { giveUpAfterMs = 60_000 } = opts;
  const known = new Map<string, T>();
  const stop = new AbortController();
  let child: ReturnType<typeof startStream> | undefined;
  let closing = false;
  let gap: { fromMs: number; reason: string } | undefined;

  function deliver(event: WatchEvent<T>): void {
    if (stop.signal.aborted) return;
    const id = identity(event.object);
    if (event.type === "DELETED") {
      // A deletion that was already told after a gap is not told twice.
      if (!known.delete(id)) return;
    } else {
      known.set(id, event.object);
    }
    opts.onEvent(event);
  }

  /** Asked while the new stream runs: what was known before the gap and is not there now went away within it. */
  async function closeGap(): Promise<void> {
    if (gap === undefined || closing) return;
    closing = true;
    try {
      const { fromMs, reason } = gap;
      const lengthMs = Date.now() - fromMs;
      const before = [...known];
      const present = await command.list();
      gap = undefined;
      opts.onGap?.({ fromMs, lengthMs, reason });
      if (present === undefined) return;
      const ids = new Set(present.map((object) => identity(object)));
      for (const [id, object] of before) if (!ids.has(id)) deliver({ type: "DELETED", object });
    } catch {
      // The API server does not answer yet: the gap goes on, and the next object or the next quiet moment asks again.
    } finally {
      closing = false;
    }
  }

  function startStream() {
    const subprocess = execa(command.file, command.args, {
      env: command.env,
      stdin: "ignore",
      buffer: false,
      reject: false,
      // In a group of its own: a Ctrl-C at the terminal is for us to order, not for the shell.
      detached: true,
    });
    running.add(subprocess);
    let lastWords = "";
    const split = createJsonSplitter();
    subprocess.stdout.setEncoding("utf8").on("data", (text: string) => {
      for (const event of split(text)) if (isWatchEvent<T>(event)) deliver(event);
      void closeGap();
    });
    subprocess.stderr.setEncoding("utf8").on("data", (text: string) => {
      lastWords = `${lastWords}${text}`.slice(-1000);
    });
    return { subprocess, lastWords: () => lastWords.trim() };
  }

  async function keepWatching(): Promise<void> {
    while (!stop.signal.aborted) {
      child = startStream();
      const quiet = setInterval(() => void closeGap(), QUIET_MS);
      const started = Date.now();
      const result = await child.subprocess;
      clearInterval(quiet);
      running.delete(child.subprocess);
      if (stop.signal.aborted) break;

      const reason = child.lastWords() || `kubectl ended (${result.signal ?? `exit code ${result.exitCode}`})`;
      gap ??= { fromMs: Date.now(), reason };
      if (Date.now() - gap.fromMs > giveUpAfterMs) {
        throw new ClusterError(
          "TOOL_FAILED",
          `Could not watch ${describe(command.args)}: for ${Math.round(giveUpAfterMs / 1000)} s no stream could be had. The last words of kubectl: ${reason}`,
        );
      }
      if (Date.now() - started < RETRY_MS)
        await delay(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  const ended = keepWatching().then(
    () => opts.onEnd(),
    (error: Error) => opts.onEnd(error),
  );

  return {
    async stop() {
      stop.abort();
      child?.subprocess.kill("SIGTERM");
      await ended;
    },
  };
}

/** `get pods -n holdfast` out of the whole command line. */
function describe(args: readonly string[]): string {
  return args.slice(args.indexOf("get") + 1, args.indexOf("--watch")).join(" ");
}

function isWatchEvent<T>(value: unknown): value is WatchEvent<T> {
  if (typeof value !== "object" || value === null || !("type" in value) || !("object" in value)) return false;
  return value.type === "ADDED" || value.type === "MODIFIED" || value.type === "DELETED";
}

/** A pod that is made again under the same name is another object, hence the uid. */
function identity(object: unknown): string {
  const { metadata } = object as { metadata?: { uid?: string; namespace?: string; name?: string } };
  return metadata?.uid ?? `${metadata?.namespace}/${metadata?.name}`;
}
