import type { Kubectl } from "@holdfast/cluster";

/** On a node from before its drain until it takes pods again, so that an interrupted drain can be undone by whoever comes next. */
export const DRAINED_LABEL = "holdfast/e2e-drained";

/** Takes back the nodes that an interrupted check left cordoned. */
export async function uncordonDrained(kubectl: Kubectl): Promise<void> {
  const names = (await kubectl.run(["get", "nodes", "-l", DRAINED_LABEL, "-o", "name"])).split("\n").filter(Boolean);
  if (names.length === 0) return;
  await kubectl.run(["uncordon", ...names]);
  await kubectl.run(["label", ...names, `${DRAINED_LABEL}-`]);
}
