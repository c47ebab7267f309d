import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { createStepView, stepLine } from "./step-view.ts";
import { createFakeTerminal } from "./terminal.fixture.ts";

test("a step in words: its clock, its detail, and whether it goes on or has failed", () => {
  expect(stepLine({ title: "nodes", state: "start", seconds: 12.04 })).toBe("     12 s  nodes ...");
  expect(stepLine({ title: "nodes", state: "done", seconds: 84.3, detail: "4 nodes" })).toBe(
    "1 min 24 s  nodes: 4 nodes",
  );
  expect(stepLine({ title: "nodes", state: "failed", seconds: 3.25 })).toBe("    3.2 s  nodes (failed)");
  expect(stepLine({ title: "--port 1 is not used", state: "note" })).toBe("           --port 1 is not used");
});

test("where nothing is redrawn a quick step is one line, and one that takes its time says so before", async () => {
  vi.useFakeTimers();
  const { terminal, said } = createFakeTerminal();
  const view = createStepView(terminal);
  await view.step({ id: "quick", title: "quick", detail: (n) => `${n} of them` }, () => Promise.resolve(3));
  expect(said.err).toMatch(/^ +0 ms  quick: 3 of them\n$/);
  const slow = view.step({ id: "slow", title: "slow" }, () => sleep(5_000));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(said.err).toContain("  slow ...\n");
  vi.useRealTimers();
  view.end();
  void slow;
});

test("what ends because somebody wished it has not failed", async () => {
  const { terminal, said } = createFakeTerminal();
  const view = createStepView(terminal);
  view.interrupt("Stopping ...");
  await view.step({ id: "a", title: "a" }, () => Promise.reject(new Error("stopped"))).catch(() => {});
  expect(said.err).toMatch(/^Stopping \.\.\.\n.*ms  a \(stopped\)\n$/);
  view.end();
});

test("what fails is shown as failed and thrown on", async () => {
  const { terminal, said } = createFakeTerminal();
  const view = createStepView(terminal);
  await expect(view.step({ id: "a", title: "a" }, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(said.err).toMatch(/ms  a \(failed\)\n$/);
  view.end();
});
