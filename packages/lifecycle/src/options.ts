/** The options of a lifecycle, their defaults with a reason each, and their check. All times in seconds. */

import { lifecycleError } from "./errors.ts";

export interface LifecycleOptions {
  /** false: exit at SIGTERM as a program without a handler would. For the controls of tests; default true. */
  drainEnabled?: boolean;
  /** How long the endpoints still send here after SIGTERM; default 0, since a preStop hook has waited already. */
  lagSeconds?: number;
  /**
   * How long clients of persistent connections are told to go, by `Connection: close`, while everything is still accepted;
   * default 2. Must be more than the idle time between two requests of a persistent client.
   */
  announceSeconds?: number;
  /** How long requests in flight may take to end; default 10, at least `longestRequestSeconds`. */
  drainSeconds?: number;
  /** How long dependencies may take to close; default 2. */
  closeSeconds?: number;
  /** How long telemetry may take to flush; default 2. */
  flushSeconds?: number;
  /**
   * How long to wait after telemetry has flushed, before the exit; default 0. For a log shipper beside the process that dies with
   * it: at least two of its poll intervals, and what its destination takes to answer. A second signal ends the wait.
   */
  shipSeconds?: number;
  /** The longest request that is allowed; default 10. */
  longestRequestSeconds?: number;
  crash?: {
    /**
     * How long the endpoints still send here after a crash; default 12: no preStop hook has waited, so the kubelet must first
     * see readiness fail (period 5 s x threshold 2), and the endpoints must learn of it (2 s).
     */
    lagSeconds?: number;
    /** From the crash to the exit, whatever happens; default: the sum of all phases, with the lag of a crash. */
    deadlineSeconds?: number;
  };
  timeouts?: {
    /**
     * How long an idle socket stays open; default 72. A balancer keeps its idle sockets 60 s: whoever closes first must be the
     * client, else a request crosses the close and is lost.
     */
    keepAliveSeconds?: number;
    /**
     * How long the headers of a request may take to arrive; default 5: they come in one or two packets, and 5 s forgives two
     * that were lost (TCP sends again after 1 s and 2 s). Who takes longer holds a socket on purpose.
     */
    headersSeconds?: number;
    /** How long a whole request may take to arrive; default `longestRequestSeconds`, since no request may take longer. */
    requestSeconds?: number;
  };
  /** Sends persistent clients back to the balancer from time to time, so that new replicas get their share. */
  connection?: {
    /** A response carries `Connection: close` after this many requests; default 0 = off, since age alone does the job. */
    maxRequests?: number;
    /** A response carries `Connection: close` after this time; default 60: one handshake a minute costs nothing. 0 = off. */
    maxAgeSeconds?: number;
    /** Each socket's limits are spread by this share up and down, 0..1, so that not all leave at once; default 0.2. */
    jitter?: number;
  };
}

/** The options with nothing left open. */
export interface Settings {
  readonly drainEnabled: boolean;
  readonly lagSeconds: number;
  readonly announceSeconds: number;
  readonly drainSeconds: number;
  readonly closeSeconds: number;
  readonly flushSeconds: number;
  readonly shipSeconds: number;
  readonly longestRequestSeconds: number;
  readonly crash: { readonly lagSeconds: number; readonly deadlineSeconds: number };
  readonly timeouts: {
    readonly keepAliveSeconds: number;
    readonly headersSeconds: number;
    readonly requestSeconds: number;
  };
  readonly connection: {
    readonly maxRequests: number;
    readonly maxAgeSeconds: number;
    readonly jitter: number;
  };
}

/** A timer longer than this fires at once in Node (2^31 - 1 ms). */
const LONGEST_TIMER_SECONDS = 2_147_483;

/**
 * Fills in the defaults and checks the whole.
 *
 * @throws LifecycleError INVALID_OPTIONS, which names every mistake at once.
 */
export function readOptions(opts: LifecycleOptions): Settings {
  const longestRequestSeconds = opts.longestRequestSeconds ?? 10;
  const phases = {
    announceSeconds: opts.announceSeconds ?? 2,
    drainSeconds: opts.drainSeconds ?? Math.max(10, longestRequestSeconds),
    closeSeconds: opts.closeSeconds ?? 2,
    flushSeconds: opts.flushSeconds ?? 2,
    shipSeconds: opts.shipSeconds ?? 0,
  };
  const crashLagSeconds = opts.crash?.lagSeconds ?? 12;
  const requestSeconds = opts.timeouts?.requestSeconds ?? longestRequestSeconds;
  const settings: Settings = {
    drainEnabled: opts.drainEnabled ?? true,
    lagSeconds: opts.lagSeconds ?? 0,
    ...phases,
    longestRequestSeconds,
    crash: {
      lagSeconds: crashLagSeconds,
      deadlineSeconds:
        opts.crash?.deadlineSeconds ?? Object.values(phases).reduce((sum, seconds) => sum + seconds, crashLagSeconds),
    },
    timeouts: {
      keepAliveSeconds: opts.timeouts?.keepAliveSeconds ?? 72,
      headersSeconds: opts.timeouts?.headersSeconds ?? Math.min(5, requestSeconds),
      requestSeconds,
    },
    connection: {
      maxRequests: opts.connection?.maxRequests ?? 0,
      maxAgeSeconds: opts.connection?.maxAgeSeconds ?? 60,
      jitter: opts.connection?.jitter ?? 0.2,
    },
  };
  const problems = findProblems(settings);
  if (problems.length > 0) {
    throw lifecycleError(`The lifecycle options do not fit: ${problems.join("; ")}.`, {
      code: "INVALID_OPTIONS",
      exitCode: 2,
    });
  }
  return settings;
}

function findProblems(settings: Settings): string[] {
  const { crash, timeouts, connection } = settings;
  const seconds = {
    lagSeconds: settings.lagSeconds,
    announceSeconds: settings.announceSeconds,
    drainSeconds: settings.drainSeconds,
    closeSeconds: settings.closeSeconds,
    flushSeconds: settings.flushSeconds,
    shipSeconds: settings.shipSeconds,
    longestRequestSeconds: settings.longestRequestSeconds,
    "crash.lagSeconds": crash.lagSeconds,
    "crash.deadlineSeconds": crash.deadlineSeconds,
    "timeouts.keepAliveSeconds": timeouts.keepAliveSeconds,
    "timeouts.headersSeconds": timeouts.headersSeconds,
    "timeouts.requestSeconds": timeouts.requestSeconds,
    "connection.maxAgeSeconds": connection.maxAgeSeconds,
  };
  const problems = Object.entries(seconds)
    .filter(([, value]) => !(value >= 0 && value <= LONGEST_TIMER_SECONDS))
    .map(([name, value]) => `${name} is ${value}, allowed are 0 to ${LONGEST_TIMER_SECONDS}`);

  if (!(Number.isInteger(connection.maxRequests) && connection.maxRequests >= 0)) {
    problems.push(`connection.maxRequests is ${connection.maxRequests}, allowed are whole numbers from 0`);
  }
  if (!(connection.jitter >= 0 && connection.jitter <= 1)) {
    problems.push(`connection.jitter is ${connection.jitter}, allowed is 0 to 1`);
  }
  if (settings.drainSeconds < settings.longestRequestSeconds) {
    problems.push(
      `drainSeconds is ${settings.drainSeconds} and longestRequestSeconds ${settings.longestRequestSeconds}, ` +
        `so allowed requests would be cut: set drainSeconds to at least ${settings.longestRequestSeconds}`,
    );
  }
  // 0 turns one of the two off, as in node:http.
  if (timeouts.requestSeconds > 0 && timeouts.headersSeconds > timeouts.requestSeconds) {
    problems.push(
      `timeouts.headersSeconds is ${timeouts.headersSeconds}, more than the ${timeouts.requestSeconds} ` +
        "of timeouts.requestSeconds, of which it is a part",
    );
  }
  if (crash.deadlineSeconds <= crash.lagSeconds) {
    problems.push(
      `crash.deadlineSeconds is ${crash.deadlineSeconds}, which leaves nothing after crash.lagSeconds ${crash.lagSeconds}`,
    );
  }
  return problems;
}
