import { randomFillSync } from "node:crypto";

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
/** One call into the system's random source costs as much for 256 requests as for one. */
const REQUESTS_A_FILL = 256;

/** Random ids in the W3C form. Source: Trace Context, section 3.2; all-zero ids, which it forbids, do not come up in 2^64 draws. */
export function createTraceIds(): () => { traceId: string; spanId: string } {
  const bytes = Buffer.alloc(REQUESTS_A_FILL * (TRACE_BYTES + SPAN_BYTES));
  let at = bytes.length;
  return function nextIds() {
    if (at === bytes.length) {
      randomFillSync(bytes);
      at = 0;
    }
    const traceId = bytes.toString("hex", at, at + TRACE_BYTES);
    const spanId = bytes.toString("hex", at + TRACE_BYTES, at + TRACE_BYTES + SPAN_BYTES);
    at += TRACE_BYTES + SPAN_BYTES;
    return { traceId, spanId };
  };
}
