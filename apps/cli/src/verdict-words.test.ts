import { expect, test } from "vitest";
import { unpainted } from "./paint.ts";
import { verdictLines, type VerdictFigures } from "./verdict-words.ts";

const figures: VerdictFigures = {
  verdict: "FAIL",
  reason: "3 of 1 840 requests failed, and a planned disruption may lose none.",
  hint: "Look at the replica that ended first.",
  sent: 1_840,
  answered: 1_837,
  degraded: 0,
  failed: { total: 3, byFate: { refused: 2, reset: 1, shed: 0 }, byConnection: { new: 2, persistent: 1 } },
  seconds: 18.4,
  sentDuringFault: 1_012,
  latency: { p50Ms: 23.2, p99Ms: 41, maxMs: 68 },
};

test("a verdict says what was sent, answered and lost, and by which kind of connection", () => {
  expect(
    verdictLines(figures, { paint: unpainted, width: Number.POSITIVE_INFINITY, title: "one rollout under load" }),
  ).toEqual([
    "FAIL  one rollout under load",
    "  3 of 1 840 requests failed, and a planned disruption may lose none.",
    "    sent              1 840   in 18.4 s, 1 012 of them while it happened",
    "    answered          1 837   p50 23 ms, p99 41 ms, slowest 68 ms",
    "    degraded              0",
    "    failed                3   2 refused and 1 reset",
    "      new connections     2",
    "      kept-alive          1",
    "  Look at the replica that ended first.",
  ]);
});

test("a verdict that passes needs no advice", () => {
  const lines = verdictLines({ ...figures, verdict: "PASS" }, { paint: unpainted, width: 60 });
  expect(lines[0]).toBe("PASS");
  expect(lines.join("\n")).not.toContain(figures.hint);
  expect(lines.slice(1, 3)).toEqual(["  3 of 1 840 requests failed, and a planned disruption may", "  lose none."]);
});
