import type { Progress } from "@holdfast/experiments";
import { expect, test } from "vitest";
import { unpainted } from "./paint.ts";
import { createRunProgress, progressLines } from "./run-progress.ts";
import { createFakeTerminal } from "./terminal.fixture.ts";

const run: Progress = { type: "run", id: "E3", title: "Pod crash", hypothesis: "Little is lost." };
const phase: Progress = { type: "phase", phase: "method", sentence: "killing a replica", elapsedMs: 12_340 };
const mark: Progress = { type: "mark", name: "crash.start", sentence: "crash begins", elapsedMs: 12_400 };

test("what a run claims, and what its control must do, is said first", () => {
  const opts = { paint: unpainted, width: 80 };
  expect(progressLines(run, opts)).toEqual(["E3  Pod crash", "  Little is lost."]);
  const control = { name: "one-replica", because: "nobody else answers", change: "catalogue.replicas: 3 -> 1" };
  expect(progressLines({ ...run, control }, opts)).toEqual([
    "E3, control one-replica",
    "  must fail, since nobody else answers (catalogue.replicas: 3 -> 1)",
  ]);
});

test("a repetition is said before it begins", () => {
  const again = { type: "again", attempt: 2, attempts: 2 } as Progress;
  expect(progressLines(again, { paint: unpainted, width: 80 })).toEqual([
    "It was INVALID, which shows nothing: attempt 2 of 2.",
  ]);
});

test("what is long is wrapped beside its time", () => {
  const long: Progress = { ...phase, sentence: "at most 59 failed, the last of them within 3 s" };
  expect(progressLines(long, { paint: unpainted, width: 40 })).toEqual([
    "   12.3 s  at most 59 failed, the last",
    "           of them within 3 s",
  ]);
});

test("without a terminal each is a line on stderr, and the numbers of each second are not", () => {
  const { terminal, said } = createFakeTerminal();
  const progress = createRunProgress(terminal);
  for (const each of [run, phase, mark]) progress.show(each);
  progress.end();
  progress.end();
  expect(said).toEqual({
    out: "",
    err: "E3  Pod crash\n  Little is lost.\n   12.3 s  killing a replica\n   12.4 s  crash begins\n",
  });
});
