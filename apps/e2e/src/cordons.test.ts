import { expect, test } from "vitest";
import { DRAINED_LABEL, uncordonDrained } from "./cordons.ts";

/** An API server that knows which nodes bear the label. */
function server(marked: string) {
  const calls: string[] = [];
  return {
    calls,
    run: async (args: readonly string[]) => {
      calls.push(args.join(" "));
      return args[0] === "get" ? marked : "";
    },
  };
}

test("nodes that an interrupted drain left are taken back, and no others are touched", async () => {
  const kubectl = server("node/w1\nnode/w2\n");
  await uncordonDrained(kubectl);
  expect(kubectl.calls).toEqual([
    `get nodes -l ${DRAINED_LABEL} -o name`,
    "uncordon node/w1 node/w2",
    `label node/w1 node/w2 ${DRAINED_LABEL}-`,
  ]);
  const clean = server("");
  await uncordonDrained(clean);
  expect(clean.calls).toHaveLength(1);
});
