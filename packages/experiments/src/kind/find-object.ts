import type { Kubectl } from "@holdfast/cluster";

/** An object as the cluster has it, or undefined where there is none. `what`: kubectl's arguments that name it. */
export async function findObject<T>(
  kubectl: Pick<Kubectl, "run">,
  what: readonly string[],
  opts: { signal?: AbortSignal | undefined } = {},
): Promise<T | undefined> {
  const text = await kubectl.run(["get", ...what, "--ignore-not-found", "-o", "json"], opts);
  return text.trim() === "" ? undefined : (JSON.parse(text) as T);
}
