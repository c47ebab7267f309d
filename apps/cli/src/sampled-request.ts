/** One request whose trace is stored for certain: it carries a `traceparent` of ours that says so. */
import { createTraceIds } from "@holdfast/load";
import { request } from "undici";
import { CliError, messageOf } from "./cli-error.ts";

export interface SentRequest {
  traceId: string;
  /** Of the sender: the parent of the first span that is stored. */
  spanId: string;
  method: "GET";
  url: string;
  /** When it was sent, Unix time in ms, and how long the whole answer took. */
  startMs: number;
  durationMs: number;
  status: number;
}

const nextIds = createTraceIds();

/** Longer than the service lets any request take. */
const TIMEOUT_MS = 15_000;

/** Throws a CliError with the code NO_ANSWER where there is none; one of any status will do. `hint` says where to look then. */
export async function sendSampled(url: string, { hint }: { hint: string }): Promise<SentRequest> {
  const { traceId, spanId } = nextIds();
  const startMs = Date.now();
  const sinceMs = performance.now();
  try {
    const { statusCode, body } = await request(url, {
      headers: { traceparent: `00-${traceId}-${spanId}-01` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      reset: true,
    });
    await body.dump();
    const durationMs = performance.now() - sinceMs;
    return { traceId, spanId, method: "GET", url, startMs, durationMs, status: statusCode };
  } catch (error) {
    throw new CliError(`${url} does not answer: ${messageOf(error)}. ${hint}`, { code: "NO_ANSWER", cause: error });
  }
}
