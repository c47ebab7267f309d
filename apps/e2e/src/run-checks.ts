/** The process of the plain checks: `node run-checks.ts OUT_DIR ID ...`. Started by the suite, which says in the environment what is checked. */
import path from "node:path";
import { createVitest, type Vitest } from "vitest/node";
import { createCheckReport } from "./check-report.ts";
import { sentenceOf } from "./e2e-error.ts";
import { EXIT } from "./exit-codes.ts";
import { CHECKS, type CheckItem } from "./items.ts";

const [outDir = "", ...ids] = process.argv.slice(2);
const startedMs = performance.now();
const print = (line: string) => {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${line}\n`);
};

/** They wait far more than they work, so two at a time are done in half the time, on two cores too. */
const AT_ONCE = 2;

let running: Vitest | undefined;
let cancelled = false;
function cancel(): void {
  cancelled = true;
  void running?.cancelCurrentRun("keyboard-input");
}
process.on("SIGINT", cancel).on("SIGTERM", cancel);

async function run(checks: readonly CheckItem[], atOnce: number): Promise<void> {
  if (checks.length === 0 || cancelled) return;
  const report = createCheckReport({ outDir, print, onInit: (vitest) => (running = vitest) });
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
  await run(
    wanted.filter(({ alone }) => !alone),
    AT_ONCE,
  );
  await run(
    wanted.filter(({ alone }) => alone),
    1,
  );
  // vitest sets 1 where a test failed: the verdicts say that, and the suite reads them.
  process.exitCode = EXIT.done;
} catch (error) {
  process.stderr.write(`holdfast e2e: The checks could not be run: ${sentenceOf(error)}\n`);
  process.exitCode = EXIT.couldNotRun;
}
