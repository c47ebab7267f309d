/** RFC 9457 problem documents for what never reaches the application: requests that are not HTTP as it should be. */

import { STATUS_CODES } from "node:http";

/** Says the same for the same kind of mistake, for a program. */
type ProblemCode =
  | "HTTP_MALFORMED"
  | "HOST_MISSING"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "CHUNK_EXTENSIONS_TOO_LARGE"
  | "EXPECTATION_UNKNOWN"
  | "HEADERS_TOO_LARGE";

export interface Problem {
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
}

export const PROBLEM_TYPE = "application/problem+json";

export function problemBody(problem: Problem): string {
  return JSON.stringify({
    type: "about:blank",
    title: STATUS_CODES[problem.status],
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
  });
}

/** A whole response, for a socket whose request could not be parsed and has no response object. */
export function rawProblem(problem: Problem, extraHeaders: readonly string[] = []): string {
  const body = problemBody(problem);
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...extraHeaders,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/**
 * What to answer for an error of node's HTTP parser, by its code; undefined when there is nobody to answer (the client is gone).
 */
export function problemOf(error: NodeJS.ErrnoException): Problem | undefined {
  switch (error.code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, code: "REQUEST_TIMEOUT", detail: "The request did not arrive completely in time." };
    case "HPE_HEADER_OVERFLOW":
      return {
        status: 431,
        code: "HEADERS_TOO_LARGE",
        detail: "The request's headers are larger than this server reads.",
      };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return {
        status: 413,
        code: "CHUNK_EXTENSIONS_TOO_LARGE",
        detail: "The request's chunk extensions are larger than this server reads.",
      };
    default:
      return error.code?.startsWith("HPE_") === true
        ? { status: 400, code: "HTTP_MALFORMED", detail: "The request is not well-formed HTTP." }
        : undefined;
  }
}
