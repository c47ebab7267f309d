import { expect, test } from "vitest";
import type { CheckItem } from "./items.ts";
import { runAndRepeat, type Once } from "./repetition.ts";
import { checkResult, type Half } from "./result.ts";

const item = (id: string): CheckItem => ({ kind: "check", id, title: id, claims: "", control: "c" });

/** Each check ends as said, and the second time as it should. */
async function ran(first: Record<string, [claim: Half["state"], control: Half["state"]]>) {
  const runs: { ids: string[]; once: Once }[] = [];
  const printed: string[] = [];
  await runAndRepeat(Object.keys(first).map(item), {
    atOnce: 3,
    run: async (checks, once) => void runs.push({ ids: checks.map(({ id }) => id), once }),
    resultOf(id) {
      const [claim, control] = first[id] ?? ["held", "broken"];
      const half = (state: Half["state"]): Half => ({ state, reason: `${id} was ${state}.`, seconds: 1 });
      return checkResult(item(id), { claim: half(claim), control: half(control), seconds: 2, startedAt: "now" });
    },
    print: (line) => printed.push(line),
  });
  return { runs, printed };
}

test("what had too little to judge is run once more, by itself, and knows why", async () => {
  const { runs, printed } = await ran({
    right: ["held", "broken"],
    little: ["invalid", "broken"],
    starved: ["held", "invalid"],
  });
  expect(runs.map(({ ids, once }) => [ids, once.atOnce])).toEqual([
    [["right", "little", "starved"], 3],
    [["little", "starved"], 1],
  ]);
  expect(runs[1]?.once.earlier.get("little")).toEqual([
    { reason: "little was invalid.", startedAt: "now", seconds: 2 },
  ]);
  expect(printed).toHaveLength(2);
});

test("what failed, or has a control that is not called wrong, is not repeated", async () => {
  const { runs, printed } = await ran({
    wrong: ["broken", "broken"],
    unfailing: ["held", "held"],
    broke: ["error", "invalid"],
  });
  expect(runs).toHaveLength(1);
  expect(printed).toEqual([]);
});
