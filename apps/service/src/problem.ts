/**
 * Every error that leaves this service is a problem document (RFC 9457). This file knows those of the application; what is
 * no HTTP request at all (400, 408, 417, 431) is answered by the lifecycle's server, and 503 by the shedder.
 */
import { STATUS_CODES } from "node:http";

import { isUnavailable, type ResilienceError } from "@holdfast/resilience";

import type { ProblemDocument, ProblemMistake } from "./schemas/problem.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** A document names at most so many mistakes, so that a hostile body cannot make a large answer. */
const MOST_MISTAKES = 10;
/** Longest text that repeats something of the request. */
const LONGEST_DETAIL = 200;

/** Each code and its status. The words are for people and may change; code and status are the contract. */
const statuses = {
  URL_ENCODING_INVALID: 400,
  PARAMETERS_INVALID: 400,
  BODY_MISSING: 400,
  BODY_NOT_JSON: 400,
  BODY_INCOMPLETE: 400,
  REQUEST_MALFORMED: 400,
  ROUTE_UNKNOWN: 404,
  RESOURCE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  CONFLICT: 409,
  BODY_TOO_LARGE: 413,
  URL_TOO_LONG: 414,
  BODY_TYPE_UNSUPPORTED: 415,
  BODY_INVALID: 422,
  INTERNAL_ERROR: 500,
  FAULT_INJECTED: 500,
  UPSTREAM_FAILED: 502,
  UPSTREAM_OPEN: 503,
  UPSTREAM_CLOSED: 503,
  UPSTREAM_TIMEOUT: 504,
  DEADLINE_EXCEEDED: 504,
} as const;
export type ProblemCode = keyof typeof statuses;

interface ProblemOptions {
  errors?: readonly ProblemMistake[];
  /** Headers that belong to the status, such as `Allow` with 405. */
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Throw it in a handler: the error handler answers it as a problem document. `detail` is a sentence for a person. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly ProblemMistake[];

  constructor(code: ProblemCode, detail: string, opts: ProblemOptions = {}) {
    super(bounded(detail), { cause: opts.cause });
    this.code = code;
    this.status = statuses[code];
    this.headers = opts.headers ?? {};
    this.errors = (opts.errors ?? []).slice(0, MOST_MISTAKES).map(boundedMistake);
  }
}

/** The document of a problem, ready to be sent. */
export function problemDocument(problem: Problem): ProblemDocument {
  return {
    type: "about:blank",
    title: STATUS_CODES[problem.status] ?? "Error",
    status: problem.status,
    detail: problem.message,
    code: problem.code,
    ...(problem.errors.length > 0 && { errors: [...problem.errors] }),
  };
}

/** What Express and its body parser throw, as problems: both say what they mean in `type` and `status`. */
export function problemOf(error: unknown, opts: { bodyLimitBytes: number }): Problem {
  if (error instanceof Problem) return error;
  if (isUnavailable(error)) return unavailable(error);
  const { type, status } =
    typeof error === "object" && error !== null ? (error as { type?: unknown; status?: unknown }) : {};
  switch (type) {
    case "entity.too.large":
      return new Problem("BODY_TOO_LARGE", `The body is larger than ${opts.bodyLimitBytes} bytes.`);
    case "entity.parse.failed":
      return new Problem("BODY_NOT_JSON", "The body is not JSON.");
    case "request.aborted":
    case "request.size.invalid":
      return new Problem("BODY_INCOMPLETE", "The body is not as long as Content-Length says.");
    case "encoding.unsupported":
      // RFC 9110 12.5.3: a 415 for the encoding says so by this header.
      return new Problem("BODY_TYPE_UNSUPPORTED", "The body must not be compressed.", {
        headers: { "Accept-Encoding": "identity" },
      });
    default:
      return status === 400
        ? new Problem("REQUEST_MALFORMED", "The request is malformed.", { cause: error })
        : new Problem("INTERNAL_ERROR", "The request failed, through no fault of yours. Try again later.", {
            cause: error,
          });
  }
}

/** For a route that has no answer of its own to give when its upstream is not to be had. */
function unavailable(error: ResilienceError): Problem {
  const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000));
  return new Problem(
    error.code as ProblemCode,
    "A service that this one depends on does not answer. Try again later.",
    {
      headers: { "Retry-After": String(seconds) },
      cause: error,
    },
  );
}

function boundedMistake(mistake: ProblemMistake): ProblemMistake {
  return { in: mistake.in, at: bounded(mistake.at), detail: bounded(mistake.detail) };
}

function bounded(text: string): string {
  return text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL)}…` : text;
}
