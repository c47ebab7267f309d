import type { Kubectl } from "./kubectl.ts";
import type { RunOptions } from "./run.ts";

/** What names an object of a manifest. */
export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined };
}

/** Which of these objects are not in the cluster, by one call (half a second for the whole platform); all of them where one's kind is not known there. */
export async function findMissing<T extends ObjectName>(
  kubectl: Pick<Kubectl, "run">,
  objects: readonly T[],
  opts: { namespace?: string; signal?: AbortSignal | undefined } = {},
): Promise<T[]> {
  if (objects.length === 0) return [];
  const items = objects.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  }));
  const args = ["get", "--ignore-not-found", "--no-headers", "-f", "-"];
  const columns = "-o=custom-columns=KIND:.kind,NAME:.metadata.name,NAMESPACE:.metadata.namespace";
  const scope = opts.namespace === undefined ? [] : [`--namespace=${opts.namespace}`];
  const runOptions: RunOptions = {
    what: "see whether all objects are there",
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
    signal: opts.signal,
  };
  let text: string;
  try {
    text = await kubectl.run([...args, columns, ...scope], runOptions);
  } catch (error) {
    if (!isUnknownKind(error)) throw error;
    return [...objects];
  }
  const found = text.split("\n").map((line) => line.trim().split(/\s+/));
  return objects.filter(({ kind, metadata }) => {
    const { name, namespace = opts.namespace } = metadata;
    // What has no namespace of its own says nothing of one, though the manifest or the call may.
    return !found.some(
      ([k, n, ns]) => k === kind && n === name && (ns === "<none>" || namespace === undefined || ns === namespace),
    );
  });
}

/** Whether a call failed because the API server knows no such kind of object: what would bring it is not installed. */
export function isUnknownKind(error: unknown): boolean {
  return (
    error instanceof Error &&
    /the server doesn't have a resource type|no matches for kind|resource mapping not found/.test(error.message)
  );
}
