import { usageError } from "./cli-error.ts";

/**
 * The id of a trace as it was typed: 32 hex digits, or a whole `traceparent` that holds them. Throws a usage error.
 * https://www.w3.org/TR/trace-context/#trace-id
 */
export function traceIdOf(text: string): string {
  const id = (/^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}$/i.exec(text)?.[1] ?? text).toLowerCase();
  if (/^[\da-f]{32}$/.test(id) && !/^0+$/.test(id)) return id;
  throw usageError(
    `"${text}" is no trace id: that is 32 hex digits, not all of them 0, as a log line has in its trace_id and a request in its traceparent.`,
  );
}
