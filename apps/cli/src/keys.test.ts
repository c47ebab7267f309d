import { EventEmitter } from "node:events";
import { expect, test, vi } from "vitest";
import { usageError } from "./cli-error.ts";
import { KEYS } from "./live-block.ts";
import { press, watchKeys, type KeyContext } from "./keys.ts";

function context(): { context: KeyContext; called: string[] } {
  const called: string[] = [];
  const note = (name: string) => async (arg?: unknown) => {
    called.push(arg === undefined ? name : `${name} ${String(arg)}`);
    return { text: "" };
  };
  const actions = {
    rollOut: note("rollOut"),
    kill: note("kill"),
    scale: note("scale"),
    scaleBy: note("scaleBy"),
    breakStock: note("breakStock"),
    healStock: note("healStock"),
    overload: note("overload"),
  };
  return {
    called,
    context: {
      stdin: process.stdin,
      actions,
      tell: (text) => void called.push(`tell ${text}`),
      toggleHelp: () => void called.push("toggleHelp"),
      quit: () => void called.push("quit"),
    },
  };
}

test.for([
  ["r", "rollOut"],
  ["k", "kill"],
  ["+", "scaleBy 1"],
  ["=", "scaleBy 1"],
  ["-", "scaleBy -1"],
  ["b", "breakStock"],
  ["h", "healStock"],
  ["o", "overload"],
  ["?", "toggleHelp"],
  ["q", "quit"],
  ["\u0003", "quit"],
])("%s does %s", ([key, does]) => {
  const { context: pressed, called } = context();
  press(key as string, pressed);
  expect(called).toEqual([does]);
});

test("every key that is shown does something, and any other key nothing", () => {
  for (const key of KEYS.flatMap((entry) => entry.key.split(" "))) {
    const { context: pressed, called } = context();
    press(key, pressed);
    expect(called).toHaveLength(1);
  }
  const { context: pressed, called } = context();
  press("x", pressed);
  expect(called).toEqual([]);
});

test("what is refused is said, and does not end anything", async () => {
  const { context: pressed, called } = context();
  pressed.actions.kill = () => Promise.reject(usageError("No replica is ready."));
  press("k", pressed);
  await vi.waitFor(() => expect(called).toEqual(["tell No replica is ready"]));
});

test("keys are read one by one, and the terminal is given back as it was", () => {
  const raw: boolean[] = [];
  const stdin = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: (on: boolean) => (raw.push(on), stdin),
    setEncoding: () => stdin,
    resume: () => stdin,
    pause: () => stdin,
  });
  const { context: pressed, called } = context();
  const forget = watchKeys({ ...pressed, stdin: stdin as never });
  stdin.emit("data", "+?");
  forget();
  stdin.emit("data", "q");
  expect(called).toEqual(["scaleBy 1", "toggleHelp"]);
  expect(raw).toEqual([true, false]);
});

test("without a terminal no key is waited for", () => {
  const stdin = new EventEmitter();
  watchKeys({ ...context().context, stdin: stdin as never })();
  expect(stdin.listenerCount("data")).toBe(0);
});
