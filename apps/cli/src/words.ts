/** Numbers and lists as people read them. All pure. */

/** "830 ms", "9.4 s", "1 min 24 s", "2 h 5 min". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "-";
  if (ms < 9.5) return `${trimZero(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${trimZero((Math.floor(ms / 100) / 10).toFixed(1))} s`;
  return longDuration(ms);
}

/** Whole seconds, for clocks that are looked at: "4 s", "1 min 24 s", "2 h 5 min". */
export function longDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "now", "3 s ago". */
export function ago(ms: number): string {
  return ms < 1_000 ? "now" : `${longDuration(ms)} ago`;
}

/** "12 345": thousands apart, since five digits in a row are not read. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** "20", "19.5", "1 204": a rate with as many digits as mean something. */
export function rate(perSecond: number): string {
  return perSecond < 100 ? trimZero(perSecond.toFixed(1)) : count(perSecond);
}

/** "1 replica", "3 replicas". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** "a", "a and b", "a, b and c". */
export function list(items: readonly string[], joint = "and"): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} ${joint} ${items.at(-1)}`;
}

/** "3 failed: 2 refused, 1 reset"; "0 failed" where there is none. */
export function failures(failed: { total: number; byFate: Partial<Record<string, number>> }): string {
  const kinds = Object.entries(failed.byFate).flatMap(([fate, n]) => (n ? [`${count(n)} ${fate}`] : []));
  return `${count(failed.total)} failed${kinds.length > 0 && failed.total > 0 ? `: ${kinds.join(", ")}` : ""}`;
}

/** Cut to a width, with a sign that it was cut. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 1 ? text.slice(0, Math.max(0, width)) : `${text.slice(0, width - 1)}…`;
}

/** A replica's name cut to a width: its end, which tells it from its siblings, stays. */
export function cutName(name: string, width: number): string {
  const tail = name.slice(name.lastIndexOf("-"));
  return name.length <= width || tail.length + 2 > width
    ? cut(name, width)
    : `${name.slice(0, width - tail.length - 1)}…${tail}`;
}

function trimZero(digits: string): string {
  return digits.replace(/\.0$/, "");
}
