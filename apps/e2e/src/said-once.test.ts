import { expect, test } from "vitest";
import { complaints, parseSaid, type SaidLine } from "./complaints.ts";
import { judgeSaidOnce } from "./said-once.ts";

const said = (pod: string, message: string, level = "warn"): SaidLine => ({
  pod,
  level,
  message,
  isRequest: message === "request",
});
const pods = ["a", "b"];
const about = /^Traces are not delivered/;
const WRONG = "Traces are not delivered to x";

test("each replica says once what is wrong; requests that fail and what is no warning do not count", () => {
  const lines = [said("a", WRONG), said("b", WRONG), said("a", "request", "error"), said("a", "Listening", "info")];
  expect(judgeSaidOnce(lines, { pods, about })).toBe(WRONG);
});

test.each([
  ["one says nothing", [said("a", WRONG)], "b does not say what is wrong."],
  ["one says it twice", [said("a", WRONG), said("a", WRONG), said("b", WRONG)], /a says 2 times/],
  [
    "one complains of something else",
    [said("a", WRONG), said("b", "No stock", "error")],
    "b complains of something else: No stock",
  ],
])("it is called wrong when %s", (_what, lines, sentence) => {
  expect(() => judgeSaidOnce(lines, { pods, about })).toThrow(sentence);
});

test("a pod's log is read line by line, and what is no JSON is a line too", () => {
  const lines = parseSaid("a", '{"level":"error","msg":"request"}\n{"level":"warn","msg":"late"}\nTrace: boom\n');
  expect(lines.map(({ message, isRequest }) => [message, isRequest])).toEqual([
    ["request", true],
    ["late", false],
    ["Trace: boom", false],
  ]);
  expect(complaints(lines).map(({ message }) => message)).toEqual(["late"]);
});
