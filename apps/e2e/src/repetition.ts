/** Checks in which a half had too little to judge are run once more, and say so. What is known to be right or wrong is not. */
import type { CheckItem } from "./items.ts";
import { tooLittle, type CheckResult, type EarlierCheck } from "./result.ts";

/** Of one run of some checks. */
export interface Once {
  readonly atOnce: number;
  /** Runs of these checks before, for their results to say so. */
  readonly earlier: ReadonlyMap<string, readonly EarlierCheck[]>;
}

/** Runs the checks, and those that were INVALID once more, one at a time: what starved it may have been its neighbour. */
export async function runAndRepeat(
  checks: readonly CheckItem[],
  opts: {
    atOnce: number;
    run: (checks: readonly CheckItem[], once: Once) => Promise<void>;
    resultOf: (id: string) => CheckResult | undefined;
    print: (line: string) => void;
  },
): Promise<void> {
  const { atOnce, run, resultOf, print } = opts;
  await run(checks, { atOnce, earlier: new Map() });
  const earlier = new Map<string, EarlierCheck[]>();
  for (const { id } of checks) {
    const result = resultOf(id);
    const reason = result && tooLittle(result);
    if (!result || reason === undefined) continue;
    earlier.set(id, [{ reason, startedAt: result.startedAt, seconds: result.seconds }]);
    print(`${id} was INVALID, which shows nothing: attempt 2 of 2.`);
  }
  const again = checks.filter(({ id }) => earlier.has(id));
  if (again.length > 0) await run(again, { atOnce: 1, earlier });
}
