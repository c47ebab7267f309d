import { expect, test } from "vitest";
import { formatLogLines, logLineOf, parseLogLines } from "./log-line.ts";

const base = { namespace: "lab", container: "service", pod: "catalogue-1", service: "catalogue" };
const time = "2026-11-24T14:00:00.123456789Z";
const BORN = "2026-11-24T13:59:00.000Z";

test("an access line keeps what joins it to its request, and whom it asked", () => {
  const fields = { "process.creation.time": BORN, "http.client.attempts": "2", "http.client.unanswered": "1" };
  expect(logLineOf({ ...base, time, message: "request", seq: 7, traceId: "ab", fields })).toEqual({
    time,
    service: "catalogue",
    pod: "catalogue-1",
    process: BORN,
    seq: 7,
    traceId: "ab",
    access: true,
    attempts: 2,
    unanswered: 1,
  });
});

test("a line with an event's name is no access line, and a process's last one names how many there are", () => {
  const fields = { "process.creation.time": BORN, "event.name": "telemetry.end", last_seq: "9" };
  expect(logLineOf({ ...base, time, message: "telemetry.end", seq: 9, fields })).toMatchObject({ lastSeq: 9 });
  const other = { "process.creation.time": BORN, "event.name": "order", last_seq: "9" };
  const line = logLineOf({ ...base, time, message: "request", seq: 9, fields: other });
  expect(line).not.toHaveProperty("access");
  expect(line).not.toHaveProperty("lastSeq");
});

test("what has no number, or no process, is nobody's", () => {
  expect(logLineOf({ ...base, time, message: "Segmentation fault", fields: {} })).toBeUndefined();
  expect(logLineOf({ ...base, time, message: "request", seq: 1, fields: {} })).toBeUndefined();
});

test("lines come back from their file as they were, and a damaged file is said by its line", () => {
  const lines = [1, 2].map((seq) => ({ time, service: "stock", pod: "stock-1", process: BORN, seq }));
  expect(parseLogLines(formatLogLines(lines))).toEqual(lines);
  expect(() => parseLogLines(`${formatLogLines(lines)}{"time"`)).toThrow("line 3 is not a stored line");
});
