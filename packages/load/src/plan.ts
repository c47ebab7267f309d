import { METHODS, validateHeaderName, validateHeaderValue } from "node:http";

import { z } from "zod";

import { LoadError } from "./errors.ts";
import { mistakes, strictObject } from "./validation.ts";

/** One kind of request of the mix. */
export interface RequestKind {
  /** Stands in every record. */
  name: string;
  /** Default `GET`. */
  method?: string;
  /** Path and query. `{i}` becomes the request's number, here and in header values and body, so that a key can be new each time. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  /** Whole number >= 1: its share is `weight` of the sum of all weights, held exactly in each block of that many requests, per connection kind. */
  weight: number;
  /** Default 200. */
  expectStatus?: number;
  /** How long it takes by intention, in ms (default 0). The plan's timeout is the slowest of these plus 2 s. */
  takesMs?: number;
  /** Marks one of the slow ones. Only told apart in pictures. */
  slow?: boolean;
}

/** What the agent is told to do. Data: it stands in the ledger's first line. */
export interface LoadPlan {
  /** Base URL, `http:` only. The host is resolved once, before the first request. */
  url: string;
  /** Arrivals a second, constant; answers never slow it. */
  ratePerSecond: number;
  /** From the first scheduled request on; absent: until stopped. */
  durationMs?: number;
  /** Sockets that are opened before the first request, kept, used in turn, and replaced in the background when they close. */
  persistentSockets: number;
  /** Share of requests that open a connection of their own, 0..1; default 0.5. */
  newShare?: number;
  requests: RequestKind[];
  /** A request without a complete answer this long after its *scheduled* time has failed. Default: the slowest `takesMs` + 2 000. */
  timeoutMs?: number;
  /** Response header that says who answered; default `x-served-by`. */
  servedByHeader?: string;
  /** Response header that says the answer is degraded; default `x-degraded`. */
  degradedHeader?: string;
  /** Share of requests whose `traceparent` carries the sampled flag, 0..1; default 0.1. */
  sampledShare?: number;
  /** Chooses the order within the blocks; the same seed gives the same run. Default 1. */
  seed?: number;
}

/** A plan with every default written out. */
export type ResolvedPlan = Required<Omit<LoadPlan, "durationMs" | "requests">> & {
  durationMs?: number;
  requests: ResolvedKind[];
};
export type ResolvedKind = Required<Omit<RequestKind, "body" | "slow">> & Pick<RequestKind, "body" | "slow">;

/** What a request may take beyond the slowest one that is meant to be. */
const TIMEOUT_MARGIN_MS = 2_000;

const share = z.number("must be a number from 0 to 1").min(0, "must be >= 0").max(1, "must be <= 1");
const text = z.string("must be text").min(1, "must not be empty");

const requestKindSchema = strictObject({
  name: text,
  method: z.string("must be an HTTP method").refine(isMethod, "must be an HTTP method in capitals").default("GET"),
  // What http.request would refuse, it would refuse once a request.
  path: z.string("must be a path").regex(/^\/[\x21-\x7e]*$/, "must begin with / and hold no spaces or bare non-ASCII"),
  headers: z
    .record(z.string(), z.string("must be text"), "must be an object of header values")
    .refine(areHeaders, "must hold valid header names and values")
    .refine(leavesOurHeaders, "must not set connection, traceparent, host or content-length: the agent does")
    .default({}),
  body: z.string("must be text").exactOptional(),
  weight: z.int("must be a whole number >= 1").min(1, "must be a whole number >= 1"),
  expectStatus: z
    .int("must be a status from 200 to 599")
    .min(200, "must be >= 200")
    .max(599, "must be <= 599")
    .default(200),
  takesMs: z.number("must be a number of ms").min(0, "must be >= 0").default(0),
  slow: z.boolean("must be true or false").exactOptional(),
});

const planSchema = strictObject({
  url: z
    .string("must be a URL")
    .refine(isHttpUrl, "must be a URL that begins with http://, without query or credentials"),
  // Above this, one process on one core is no longer on time, and its own lag makes each run INVALID.
  ratePerSecond: z.number("must be a number above 0").gt(0, "must be above 0").max(10_000, "must be <= 10 000"),
  durationMs: z.number("must be a number of ms").gt(0, "must be above 0").exactOptional(),
  persistentSockets: z.int("must be a whole number").min(0, "must be >= 0").max(10_000, "must be <= 10 000"),
  newShare: share.default(0.5),
  requests: z.array(requestKindSchema, "must be a list of requests").min(1, "must name at least one kind of request"),
  timeoutMs: z.number("must be a number of ms").gt(0, "must be above 0").exactOptional(),
  servedByHeader: text.default("x-served-by"),
  degradedHeader: text.default("x-degraded"),
  sampledShare: share.default(0.1),
  seed: z.int("must be a whole number").default(1),
}).superRefine((plan, context) => {
  const slowestMs = Math.max(...plan.requests.map((kind) => kind.takesMs));
  const issue = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  if (plan.timeoutMs !== undefined && plan.timeoutMs <= slowestMs) {
    issue(["timeoutMs"], `must be longer than the slowest request, which takes ${slowestMs} ms`);
  }
  if (plan.newShare < 1 && plan.persistentSockets === 0) {
    issue(["persistentSockets"], "must be >= 1 unless newShare is 1");
  }
  if (new Set(plan.requests.map((kind) => kind.name)).size < plan.requests.length) {
    issue(["requests"], "must have different names");
  }
});

/**
 * Checks a plan and writes out its defaults.
 *
 * @throws LoadError `LOAD_PLAN_INVALID` with every mistake in one sentence
 */
export function parsePlan(input: unknown): ResolvedPlan {
  const parsed = planSchema.safeParse(input);
  if (!parsed.success) {
    throw new LoadError("LOAD_PLAN_INVALID", `The load plan cannot be run: ${mistakes(parsed.error, input)}.`);
  }
  const plan = parsed.data;
  const slowestMs = Math.max(...plan.requests.map((kind) => kind.takesMs));
  return { ...plan, timeoutMs: plan.timeoutMs ?? slowestMs + TIMEOUT_MARGIN_MS };
}

function isMethod(method: string): boolean {
  return METHODS.includes(method) && method !== "CONNECT";
}

function isHttpUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === "http:" && parsed.search === "" && parsed.hash === "" && parsed.username === "";
}

function areHeaders(headers: Record<string, string>): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}

function leavesOurHeaders(headers: Record<string, string>): boolean {
  const ours = new Set(["connection", "traceparent", "host", "content-length", "transfer-encoding"]);
  return !Object.keys(headers).some((name) => ours.has(name.toLowerCase()));
}
