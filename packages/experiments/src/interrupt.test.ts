import { expect, onTestFinished, test, vi } from "vitest";
import { watchInterrupts } from "./interrupt.ts";

test("what is handed on within a second is one wish, a later one is another", () => {
  vi.useFakeTimers();
  const heard: number[] = [];
  const interrupts = watchInterrupts((times) => heard.push(times));
  onTestFinished(() => {
    interrupts.dispose();
    vi.useRealTimers();
  });
  process.emit("SIGINT");
  process.emit("SIGINT");
  vi.advanceTimersByTime(999);
  interrupts.raise();
  expect(heard).toEqual([1]);
  vi.advanceTimersByTime(1);
  process.emit("SIGTERM");
  vi.advanceTimersByTime(1_000);
  interrupts.raise();
  expect(heard).toEqual([1, 2, 3]);
});

test("once it is disposed of, nothing of it hears a signal", () => {
  const before = process.listenerCount("SIGINT");
  const interrupts = watchInterrupts(() => {});
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  interrupts.dispose();
  expect(process.listenerCount("SIGINT")).toBe(before);
});
