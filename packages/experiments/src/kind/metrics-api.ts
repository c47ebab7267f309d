/** prometheus-adapter, which the platform has on demand only: an HPA by itself reads requests a second from the API that it serves. */
import { installAddon, PLATFORM_NAMESPACE, removeAddon, type Cluster, type Deployment } from "@holdfast/cluster";
import { ExperimentError } from "../errors.ts";
import { findObject } from "./find-object.ts";

const NAME = "prometheus-adapter";
const OBJECT = [`deployment/${NAME}`, "-n", PLATFORM_NAMESPACE];
/** On one that is there for the time of a run: should the run be killed, the next one knows whose it is. */
const FOR_A_RUN = "holdfast/for-a-run";

export interface MetricsApi {
  /** One that is there already, since somebody wants it, is used and stays. */
  add(opts: { signal: AbortSignal }): Promise<void>;
  /** What this run has added. */
  remove(): Promise<void>;
  /** What a run that was killed has added. */
  removeLeft(): Promise<void>;
}

/** `dir`: k8s/platform. */
export function createMetricsApi(opts: {
  cluster: Cluster;
  dir: string | undefined;
  note: (sentence: string) => void;
}): MetricsApi {
  const { cluster, dir, note } = opts;
  const { kubectl } = cluster;
  let added = false;

  return {
    async add({ signal }) {
      if (dir === undefined) {
        throw new ExperimentError(
          "TARGET_UNSUITED",
          "An HPA on requests a second needs prometheus-adapter, and this target was not told where k8s/platform is.",
        );
      }
      const isThere = (await findObject<Deployment>(kubectl, OBJECT, { signal })) !== undefined;
      if (!isThere) note(`adding ${NAME} to the platform, for the time of this run`);
      added = !isThere;
      await installAddon(cluster, { dir, name: NAME, signal });
      if (added) await kubectl.run(["label", ...OBJECT, `${FOR_A_RUN}=true`, "--overwrite"], { signal });
    },
    async remove() {
      if (added && dir !== undefined) await removeAddon(cluster, { dir, name: NAME });
    },
    async removeLeft() {
      const found = await findObject<Deployment>(kubectl, OBJECT);
      const isLeft = found?.metadata.labels?.[FOR_A_RUN] !== undefined;
      if (isLeft && dir !== undefined) await removeAddon(cluster, { dir, name: NAME });
    },
  };
}
