/** The process of the plain checks: `node run-checks.ts OUT_DIR ID ...`. Started by the suite, which says in the environment what is checked. */
import path from "node:path";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { createVitest, type Vitest } from "vitest/node";
import { createCheckReport } from "./check-report.ts";
import { sentenceOf } from "./e2e-error.ts";
import { CHECKS, type CheckItem } from "./items.ts";
import { readResult } from "./record-files.ts";
import { runAndRepeat, type Once } from "./repetition.ts";
import type { CheckResult } from "./result.ts";

const [outDir = "", ...ids] = process.argv.slice(2);
const startedMs = performance.now();
const print = (line: string) => {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
};

/**
 * Which checks stand together, one group after the other, and how many of a group run at once. They wait far more than they work, so several
 * at a time are done in a part of the time, on two cores too; those that look at the service's speed are fewer.
 */
const GROUPS: readonly { readonly takes: CheckItem["takes"]; readonly atOnce: number }[] = [
  { takes: undefined, atOnce: 3 },
  { takes: "platform", atOnce: 2 },
  { takes: "a node", atOnce: 1 },
];

let running: Vitest | undefined;
let cancelled = false;
function cancel(): void {
  cancelled = true;
  void running?.cancelCurrentRun("keyboard-input");
}
process.on("SIGINT", cancel).on("SIGTERM", cancel);

async function run(checks: readonly CheckItem[], { atOnce, earlier }: Once): Promise<void> {
  if (checks.length === 0 || cancelled) return;
  const report = createCheckReport({ outDir, print, earlier, onInit: (vitest) => (running = vitest) });
  const vitest = await createVitest("test", {
    root: path.dirname(import.meta.dirname),
    config: false,
    watch: false,
    maxWorkers: atOnce,
    fileParallelism: atOnce > 1,
    include: checks.map(({ id }) => `src/checks/${id}.e2e.ts`),
    reporters: [report],
  });
  await vitest.start();
  await vitest.close();
}

try {
  const wanted = CHECKS.filter(({ id }) => ids.includes(id));
  for (const { takes, atOnce } of GROUPS) {
    await runAndRepeat(
      wanted.filter((item) => item.takes === takes),
      { atOnce, run, resultOf: (id) => readResult<CheckResult>(outDir, id), print },
    );
  }
  // vitest sets 1 where a test failed: the verdicts say that, and the suite reads them.
  process.exitCode = EXIT.done;
} catch (error) {
  process.stderr.write(`holdfast e2e: The checks could not be run: ${sentenceOf(error)}\n`);
  process.exitCode = EXIT.couldNotRun;
}
