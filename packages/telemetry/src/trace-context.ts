/**
 * W3C Trace Context and Baggage, in and out. What a client sends is data from a stranger: a header that breaks the
 * rules or the bounds is ignored as if it were not there, and the request starts a trace of its own.
 *
 * Sources: https://www.w3.org/TR/trace-context-2/ and https://www.w3.org/TR/baggage/
 */

export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

// version 00 is exactly 55 characters; a later version may add fields behind a further dash (section 3.2.4).
const TRACEPARENT = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const VERSION_00_CHARS = 55;
// No version is known to be longer; without a bound the pattern would read whatever is sent.
const MAX_TRACEPARENT_CHARS = 256;
const ALL_ZEROS = /^0+$/;

/** The caller's span, or undefined when the header is absent, doubled, malformed or all zeros. */
export function parseTraceparent(header: string | readonly string[] | undefined): RemoteParent | undefined {
  if (typeof header !== "string" || header.length < VERSION_00_CHARS || header.length > MAX_TRACEPARENT_CHARS)
    return undefined;
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = match;
  if ((version === "00" && more !== undefined) || ALL_ZEROS.test(traceId) || ALL_ZEROS.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(ids: RemoteParent): string {
  return `00-${ids.traceId}-${ids.spanId}-${ids.sampled ? "01" : "00"}`;
}

// Trace Context 3.3.1.5 asks for at least 512 characters, 3.3.1.1 allows at most 32 members.
const MAX_TRACESTATE_CHARS = 512;
const MAX_TRACESTATE_MEMBERS = 32;
const TRACESTATE_MEMBER = /^[a-z\d][\w\-*/@]{0,255}=[\u0020-\u002B\u002D-\u003C\u003E-\u007E]{0,256}$/;

/** The header as it may be passed on, or undefined when a member of it is not what the specification allows. */
export function acceptTracestate(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== "string" || header.length > MAX_TRACESTATE_CHARS) return undefined;
  const members = header
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
  if (members.length === 0 || members.length > MAX_TRACESTATE_MEMBERS) return undefined;
  return members.every((member) => TRACESTATE_MEMBER.test(member)) ? members.join(",") : undefined;
}

// Baggage 3.3.2 asks for at least 64 members and 8192 bytes; more is not passed on.
const MAX_BAGGAGE_CHARS = 8192;
const MAX_BAGGAGE_MEMBERS = 64;
const BAGGAGE_ENTRY = /^[\w!#$%&'*+\-.^`|~]+\s*=\s*[\u0021\u0023-\u002B\u002D-\u003A\u003C-\u005B\u005D-\u007E]*$/;
const BAGGAGE_PROPERTY = /^[\u0020\u0021\u0023-\u002B\u002D-\u003A\u003C-\u005B\u005D-\u007E]*$/;

// Two small patterns on the split text, since one pattern for the whole would take quadratic time on spaces.
function isBaggageMember(member: string): boolean {
  const [entry = "", ...properties] = member.split(";");
  return BAGGAGE_ENTRY.test(entry.trim()) && properties.every((property) => BAGGAGE_PROPERTY.test(property));
}

/** The header as it may be passed on, or undefined when it is malformed or too large. */
export function acceptBaggage(header: string | readonly string[] | undefined): string | undefined {
  if (typeof header !== "string" || header === "" || header.length > MAX_BAGGAGE_CHARS) return undefined;
  const members = header.split(",").map((member) => member.trim());
  if (members.length > MAX_BAGGAGE_MEMBERS) return undefined;
  return members.every(isBaggageMember) ? members.join(",") : undefined;
}
