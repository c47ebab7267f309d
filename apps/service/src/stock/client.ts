/** The upstream as its caller sees it: asked within a deadline, remembered for when it is gone, never an error. */
import {
  createStaleCache,
  DEADLINE_HEADER,
  isUnavailable,
  type AttemptContext,
  type Deadline,
  type StaleCache,
  type Upstream,
} from "@holdfast/resilience";
import { createUpstream } from "@holdfast/resilience/upstream";
import type { Lifecycle } from "@holdfast/lifecycle";
import type { Telemetry } from "@holdfast/telemetry";
import { Pool } from "undici";

import type { Faults } from "../faults/faults.ts";
import type { Stock } from "../schemas/product.ts";
import { stockLevel } from "../schemas/stock-level.ts";
import { watchHardDependency } from "./hard-dependency.ts";

export interface StockClientOptions {
  /** Base URL, without a slash at its end. */
  url: string;
  attemptTimeoutMs: number;
  maxAttempts: number;
  /** Retries as a share of requests, 0..1. */
  retryBudget: number;
  /** Failed attempts in a row that open the breaker. */
  breakerFailures: number;
  breakerOpenMs: number;
  /** How old a remembered level may be. */
  staleMs: number;
  connections: number;
  /** How long a socket is kept idle: less than the upstream keeps it, so that no request meets a close. */
  idleMs: number;
  /** Failed calls in a row after which the replica says it is unready; 0 is never. */
  hardAfterFailures: number;
}

export interface StockClientParts {
  /** Makes each attempt a client span. */
  telemetry: Pick<Telemetry, "clientCall">;
  lifecycle: Pick<Lifecycle, "setUnready">;
  /** Faults that may be switched on for attempts. */
  faults?: Pick<Faults, "disturbAttempt"> | undefined;
}

export interface StockCall {
  deadline: Deadline;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

export interface StockClient {
  readonly name: string;
  readonly upstream: Upstream;
  readonly cache: StaleCache<string, number>;
  /** What is known of a product's stock. Rejects only when the caller has gone. */
  stockOf(id: string, call: StockCall): Promise<Stock>;
  close(): Promise<void>;
}

/** An answer of the upstream that is none to work with. */
class StockAnswerError extends Error {
  override readonly name = "StockAnswerError";
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, opts: { status: number; retryAfterMs?: number | undefined }) {
    super(message);
    this.status = opts.status;
    this.retryAfterMs = opts.retryAfterMs;
  }
}

const UPSTREAM = "stock";
/** Any product will do to see whether the upstream answers; a 404 is an answer too. */
const PROBED_PRODUCT = "walnut-desk";
/** The first retry comes within this; the second within twice this. Short beside the attempt's own time. */
const RETRY_BASE_MS = 50;
const RETRY_MOST_MS = 1_000;
/** One level is 60 bytes; the catalogue has 46. Room for a hundred times that, and a bound. */
const MOST_REMEMBERED = 5_000;
/** A level is some 60 bytes; whoever sends more is not the stock service. */
const LARGEST_ANSWER_BYTES = 16_384;

export function createStockClient(opts: StockClientOptions, parts: StockClientParts): StockClient {
  const { origin, host, pathname } = new URL(opts.url);
  const base = pathname === "/" ? "" : pathname;
  const pool = new Pool(origin, {
    connections: opts.connections,
    keepAliveTimeout: opts.idleMs,
    // Caps what the upstream's own Keep-Alive header allows.
    keepAliveMaxTimeout: opts.idleMs,
    connect: { timeout: opts.attemptTimeoutMs },
    headersTimeout: opts.attemptTimeoutMs,
    bodyTimeout: opts.attemptTimeoutMs,
    maxResponseSize: LARGEST_ANSWER_BYTES,
  });
  const upstream = createUpstream({
    name: UPSTREAM,
    attemptTimeoutMs: opts.attemptTimeoutMs,
    retry: {
      maxAttempts: opts.maxAttempts,
      budgetRatio: opts.retryBudget,
      baseDelayMs: RETRY_BASE_MS,
      maxDelayMs: RETRY_MOST_MS,
      afterMs: (error) => (error instanceof StockAnswerError ? error.retryAfterMs : undefined),
    },
    breaker: { failures: opts.breakerFailures, openMs: opts.breakerOpenMs },
    isFailure: (error) => !(error instanceof StockAnswerError) || error.status >= 500 || error.status === 429,
  });
  const cache = createStaleCache<string, number>({ maxEntries: MOST_REMEMBERED, maxAgeMs: opts.staleMs });

  async function ask(id: string, { signal, deadline, attempt }: AttemptContext): Promise<number> {
    await parts.faults?.disturbAttempt(signal);
    const call = { peer: host, method: "GET", route: "/api/stock/:id", attempt };
    // Its status first, and what it says after that: an answer that is none to work with is an answer all the same.
    const { status, body, retryAfter } = await parts.telemetry.clientCall(call, async function request(headers) {
      const response = await pool.request({
        method: "GET",
        path: `${base}/api/stock/${id}`,
        headers: { ...headers, accept: "application/json", [DEADLINE_HEADER]: deadline.header() },
        signal,
      });
      const { statusCode } = response;
      const value = {
        status: statusCode,
        body: await response.body.text(),
        retryAfter: response.headers["retry-after"],
      };
      return { status: statusCode, value };
    });
    return levelOf(status, body, retryAfter);
  }

  async function stockOf(id: string, { deadline, signal }: StockCall): Promise<Stock> {
    try {
      const known = await cache.orStale(id, () => upstream.call((attempt) => ask(id, attempt), { deadline, signal }));
      return known.stale
        ? { state: "stale", available: known.value, ageSeconds: Math.floor(known.ageMs / 1000) }
        : { state: "current", available: known.value };
    } catch (error) {
      if (isUnavailable(error) || error instanceof StockAnswerError) return { state: "unknown" };
      throw error;
    }
  }

  const endWatch =
    opts.hardAfterFailures > 0 &&
    watchHardDependency({
      upstream,
      afterFailures: opts.hardAfterFailures,
      setUnready: parts.lifecycle.setUnready,
      probeEveryMs: opts.breakerOpenMs,
      ask: (call) => stockOf(PROBED_PRODUCT, call),
    });

  return {
    name: UPSTREAM,
    upstream,
    cache,
    stockOf,
    async close() {
      if (endWatch) endWatch();
      upstream.close();
      await pool.close();
    },
  };
}

/** The level in an answer. Throws what the breaker and the retries then judge by its status. */
function levelOf(status: number, body: string, retryAfter: string | string[] | undefined): number {
  if (status !== 200) {
    const seconds = typeof retryAfter === "string" && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
    throw new StockAnswerError(`stock answered ${status}`, {
      status,
      retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
    });
  }
  const result = stockLevel.safeParse(jsonOf(body));
  if (!result.success) throw new Error("stock answered 200 with something that is no stock level");
  return result.data.available;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
