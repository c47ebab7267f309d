/** Whether numbered lines are all there. Pure. */
import { Broken } from "./judgement.ts";

/** `stored`: the numbers that were found, of 1 to `last`. @returns what was found. @throws Broken where one is missing */
export function judgeNumbered(stored: readonly number[], last: number): string {
  const there = new Set(stored);
  const missing = Array.from({ length: last }, (_, index) => index + 1).filter((n) => !there.has(n));
  if (missing.length > 0) {
    const which = missing.slice(0, 5).join(", ");
    throw new Broken(`${missing.length} of ${last} lines are not stored: ${which}${missing.length > 5 ? " ..." : ""}.`);
  }
  const twice = stored.length - there.size;
  return `all ${last} numbered lines are stored, ${twice === 0 ? "once each" : `${twice} of them more than once`}`;
}
