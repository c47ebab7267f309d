/** JSON text made by hand for the two hot places (access line, ids): as `JSON.stringify` would write it. */

// Everything but printable ASCII, and of that the quote and the backslash, needs escaping or a closer look.
const NEEDS_ESCAPING = /[^\u0020\u0021\u0023-\u005B\u005D-\u007E]/u;

/** `value` as a JSON string, cut to `maxChars` before escaping: whatever a client sends stays one line of valid JSON. */
export function jsonString(value: string, maxChars: number): string {
  const text = value.length > maxChars ? value.slice(0, maxChars) : value;
  // JSON.stringify is well-formed: a lone surrogate, also one made by the cut, becomes an escape.
  return NEEDS_ESCAPING.test(text) ? JSON.stringify(text) : `"${text}"`;
}

let second = Number.NaN;
let secondText = "";

/** Unix time in ms as ISO 8601 in UTC, as `Date.prototype.toISOString` writes it; the whole second is kept from call to call. */
export function isoTime(epochMs: number): string {
  const at = Math.floor(epochMs / 1000);
  if (at !== second) {
    second = at;
    secondText = new Date(at * 1000).toISOString().slice(0, -4);
  }
  const ms = Math.floor(epochMs) - at * 1000;
  return `${secondText}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
}
