/** Out of what vitest reports of a check's file, its result. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { TestCase, TestModule, Vitest } from "vitest/node";
import { CHECKS } from "./items.ts";
import { checkResult, type CheckResult, type EarlierCheck, type Half } from "./result.ts";

interface Opts {
  readonly outDir: string;
  readonly print: (line: string) => void;
  /** Of checks that are run once more. */
  readonly earlier: ReadonlyMap<string, readonly EarlierCheck[]>;
  readonly onInit: (vitest: Vitest) => void;
}

/** A vitest reporter that writes out/e2e/<id>.json as each check ends. */
export function createCheckReport({ outDir, print, earlier, onInit }: Opts) {
  const started = new Map<string, { at: string; ms: number }>();

  function itemOf({ moduleId }: TestModule) {
    const id = path.basename(moduleId, ".e2e.ts");
    return CHECKS.find((item) => item.id === id);
  }

  return {
    onInit,
    onTestModuleStart(module: TestModule): void {
      started.set(module.moduleId, { at: new Date().toISOString(), ms: performance.now() });
      const item = itemOf(module);
      if (item) print(`${item.id}: ${item.title} ...`);
    },
    onTestModuleEnd(module: TestModule): void {
      const item = itemOf(module);
      if (!item) return;
      const begun = started.get(module.moduleId);
      const seconds = begun ? Math.round(performance.now() - begun.ms) / 1000 : 0;
      const tests = [...module.children.allTests()];
      const half = (name: string) => tests.find((test) => test.name === name);
      const trouble = [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())]
        .map(({ message }) => message)
        .join(" ");
      const claim = half("the claim");
      const control = half("the control");
      const result = checkResult(item, {
        claim: claim
          ? halfOf(claim, trouble)
          : { state: "not run", reason: trouble || "Its file holds no claim.", seconds: 0 },
        control: control ? halfOf(control, trouble) : undefined,
        seconds,
        startedAt: begun?.at ?? new Date().toISOString(),
        earlier: earlier.get(item.id),
      });
      writeFileSync(path.join(outDir, `${item.id}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
      for (const line of linesOf(result)) print(line);
    },
  };
}

function halfOf(test: TestCase, trouble: string): Half {
  const { state, errors } = test.result();
  const seconds = Math.round(test.diagnostic()?.duration ?? 0) / 1000;
  const { half } = test.meta();
  // What the check noted says more than the error that vitest made of it.
  if (half) return { ...half, seconds };
  if (state === "skipped" || state === "pending") {
    return { state: "not run", reason: trouble || "It was not begun.", seconds };
  }
  const said = errors?.map(({ message }) => message).join(" ");
  return { state: "error", reason: said || trouble || "It ended without saying what it found.", seconds };
}

function linesOf({ id, verdict, reason, seconds, control }: CheckResult): string[] {
  return [
    `${id}: ${verdict} in ${seconds.toFixed(1)} s. ${reason}`,
    ...(control
      ? [
          `  control (${control.change}): ${control.verdict}${control.asPredicted ? ", as predicted" : ", NOT as predicted"}. ${control.reason}`,
        ]
      : []),
  ];
}
