/** One call of `down`. */
import path from "node:path";
import { deleteCluster, withClusterLock } from "@holdfast/cluster";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { watchInterrupts } from "@holdfast/experiments/interrupt";
import { isOfAbort } from "./aborted.ts";
import { clusterName, CLUSTERS_DIR, nameFlag } from "./cluster-name.ts";
import { dockerOnPath } from "./cluster-tools.ts";
import { REPO_ROOT } from "./repo.ts";
import { createStepView } from "./step-view.ts";
import type { Terminal } from "./terminal.ts";
import { duration, list } from "./words.ts";

export interface DownFlags {
  name?: string;
  output?: "json";
}

/** Returns the exit code. */
export async function down(flags: DownFlags, terminal: Terminal): Promise<number> {
  const name = clusterName(flags.name);
  const startedMs = performance.now();
  const abort = new AbortController();
  const view = createStepView(terminal);
  const interrupts = watchInterrupts((times) => {
    if (times === 1) view.interrupt("Stopping what is under way ...");
    if (times === 2) process.exit(EXIT.interrupted);
    abort.abort();
  });
  try {
    // It asks Docker alone: nobody should fetch tools in order to throw away what they were for.
    const tools = { docker: dockerOnPath(), kind: "kind", kubectl: "kubectl", helm: "helm" };
    const work = { name, stateDir: CLUSTERS_DIR, progress: view.show, signal: abort.signal };
    const { removed } = await withClusterLock(work, () => deleteCluster({ ...work, tools }));
    view.end();
    if (flags.output === "json") terminal.print(JSON.stringify({ name, removed }, undefined, 2));
    else if (removed.length === 0) terminal.print(`There is no cluster "${name}": nothing was removed.`);
    else {
      const names = removed.map((each) => (path.isAbsolute(each) ? path.relative(REPO_ROOT, each) : each));
      terminal.print(`Removed in ${duration(performance.now() - startedMs)}: ${list(names)}.`);
    }
    return EXIT.done;
  } catch (error) {
    view.end();
    if (!abort.signal.aborted || !isOfAbort(error, abort.signal)) throw error;
    terminal.note(`Interrupted: \`./holdfast down${nameFlag(name)}\` removes what is left.`);
    return EXIT.interrupted;
  } finally {
    view.end();
    interrupts.dispose();
  }
}
