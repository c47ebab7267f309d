/** What the checks are about: the cluster, the image and the chart of this checkout, as main hands them over. */
import { openCluster, type Cluster, type Tools } from "@holdfast/cluster";

/** The environment variable that carries it, as JSON, to the process of the checks. */
export const SUBJECT_VARIABLE = "HOLDFAST_E2E_SUBJECT";

export interface SubjectInput {
  readonly name: string;
  readonly stateDir: string;
  readonly tools: Tools;
  readonly image: { readonly repository: string; readonly tag: string };
  /** Path of the chart. */
  readonly chart: string;
}

export interface Subject extends Pick<SubjectInput, "image" | "chart"> {
  readonly cluster: Cluster;
}

export async function openSubject(): Promise<Subject> {
  const text = process.env[SUBJECT_VARIABLE];
  if (text === undefined)
    throw new Error("The checks are started by `./holdfast e2e`, which says what cluster to check.");
  const { name, stateDir, tools, image, chart } = JSON.parse(text) as SubjectInput;
  return { cluster: await openCluster({ name, stateDir, tools }), image, chart };
}
