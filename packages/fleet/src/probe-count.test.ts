import { expect, test } from "vitest";
import { countProbe, uncounted } from "./probe-count.ts";
import type { ProbeOutcome } from "./probe-count.ts";

function verdicts(answers: string, thresholds: { failureThreshold: number; successThreshold: number }): string {
  let count = uncounted;
  const marks: Record<ProbeOutcome, string> = { success: "S", failure: "F" };
  return [...answers]
    .map((answer) => {
      const counted = countProbe(count, answer === "s" ? "success" : "failure", thresholds);
      count = counted.count;
      return counted.verdict === undefined ? "-" : marks[counted.verdict];
    })
    .join("");
}

test("only as many failures in a row as the threshold says make a verdict", () => {
  expect(verdicts("ffff", { failureThreshold: 3, successThreshold: 1 })).toBe("--FF");
});

test("one success between failures starts the count anew", () => {
  expect(verdicts("ffsfff", { failureThreshold: 3, successThreshold: 1 })).toBe("--S--F");
});

test("a threshold of 1 turns the first answer into a verdict", () => {
  expect(verdicts("sf", { failureThreshold: 1, successThreshold: 1 })).toBe("SF");
});

test("readiness may ask for several successes in a row", () => {
  expect(verdicts("ssfsss", { failureThreshold: 1, successThreshold: 3 })).toBe("--F--S");
});
