/** What a run leaves to read: an item's result as it ends, and the whole run. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readFacts, type Facts } from "./facts.ts";
import { indexPage } from "./index-page.ts";
import type { Chosen } from "./items.ts";
import { junit } from "./junit.ts";
import { count, notRun, type CheckResult, type Outcome, type RunRecord } from "./result.ts";

const WHOLE = { data: "e2e.json", junit: "junit.xml", page: "index.html" } as const;

export interface Recorder {
  readonly outDir: string;
  readonly outcomes: readonly Outcome[];
  add(...outcomes: Outcome[]): void;
  /** What is known of the cluster, once there is one. */
  know(facts: Facts): void;
  /** Writes the whole run as it is now. What has not run did not because of `why`. */
  write(why: string): RunRecord;
}

/** Begins with an empty directory: what an earlier run left would pass for this one's. */
export function createRecorder(opts: {
  outDir: string;
  ids: readonly string[];
  items: readonly Chosen[];
  cluster: string;
}): Recorder {
  const { outDir, ids, items, cluster } = opts;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  mkdirSync(outDir, { recursive: true });
  const stale = (name: string) =>
    Object.values<string>(WHOLE).includes(name) || ids.some((id) => name.startsWith(`${id}.`));
  for (const name of readdirSync(outDir).filter(stale)) rmSync(path.join(outDir, name), { recursive: true });
  const outcomes: Outcome[] = [];
  let facts: Facts | undefined;
  return {
    outDir,
    outcomes,
    add: (...more) => void outcomes.push(...more),
    know: (more) => void (facts = more),
    write(why) {
      const gone = items.filter(({ id }) => !outcomes.some((outcome) => outcome.id === id));
      const all = [...outcomes, ...gone.map((item) => notRun(item, why))];
      const record: RunRecord = {
        schemaVersion: 1,
        startedAt,
        seconds: Math.round(performance.now() - startedMs) / 1000,
        ...(facts ?? readFacts()),
        cluster,
        ...count(all),
        outcomes: all,
      };
      writeFileSync(path.join(outDir, WHOLE.data), `${JSON.stringify(record, undefined, 2)}\n`);
      writeFileSync(path.join(outDir, WHOLE.junit), junit(record));
      writeFileSync(path.join(outDir, WHOLE.page), indexPage(record));
      return record;
    },
  };
}

export function writeResult(outDir: string, result: CheckResult): void {
  writeFileSync(path.join(outDir, `${result.id}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** An item's own result, or nothing where it is not there, or half of it: then nobody judged. */
export function readResult<T>(outDir: string, id: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path.join(outDir, `${id}.json`), "utf8")) as T;
  } catch {
    return undefined;
  }
}
