/** The chart's alert rules in the platform's Prometheus, for the time of one run. What a killed run has left there is removed first. */
import { loadRules, readAlerts, readTargets, unloadRules, type Cluster } from "@holdfast/cluster";
import type { TargetPlatform } from "../target-platform.ts";
import { findObject } from "./find-object.ts";

export interface LabRules {
  readonly calls: Pick<TargetPlatform, "readAlerts" | "scrapedPods">;
  /** Resolves when Prometheus looks at them. */
  load(opts: { signal: AbortSignal }): Promise<void>;
  /** Resolves when it has forgotten them. */
  unload(): Promise<void>;
}

interface LabRulesOptions {
  readonly cluster: Cluster;
  /** Directory of charts/service. */
  readonly chart: string;
  /** Of the lab. */
  readonly namespace: string;
  /** Whose pods the rules look at; empty: there are none to be loaded. */
  readonly release: string;
  /** Those that the release is installed with. */
  readonly values: () => object;
  readonly note: (sentence: string) => void;
}

/** As packages/cluster keeps them: one key for each release. */
const RULES = ["configmap", "prometheus-rules", "-n", "monitoring"];

export function createLabRules(opts: LabRulesOptions): LabRules {
  const { cluster, chart, namespace, release, note } = opts;
  let loaded = false;

  /** Releases of this namespace that have rules there. */
  async function releases(signal: AbortSignal): Promise<string[]> {
    const found = await findObject<{ data?: Record<string, string> | null }>(cluster.kubectl, RULES, { signal });
    const own = new RegExp(`^${namespace}-(.+)\\.yml$`);
    return Object.keys(found?.data ?? {}).flatMap((key) => own.exec(key)?.[1] ?? []);
  }

  return {
    calls: {
      async readAlerts() {
        return (await readAlerts(cluster)).filter(({ labels }) => labels["namespace"] === namespace);
      },
      async scrapedPods() {
        const targets = await readTargets(cluster);
        return targets.flatMap((one) =>
          one.namespace === namespace && one.health === "up" && one.pod !== undefined ? [one.pod] : [],
        );
      },
    },
    async load({ signal }) {
      for (const left of await releases(signal)) {
        note(`removing the rules of ${left} from Prometheus, which an earlier run left there`);
        await unloadRules(cluster, { release: left, namespace, signal });
      }
      if (release === "") return;
      note(`loading the chart's rules for the release ${release} into Prometheus`);
      // Before they are there: whatever happens next, they are to go.
      loaded = true;
      await loadRules(cluster, { release, namespace, chart, values: opts.values(), signal });
    },
    async unload() {
      if (!loaded) return;
      await unloadRules(cluster, { release, namespace });
      loaded = false;
    },
  };
}
