import { expect, test } from "vitest";
import { lineText, logLines } from "./log-words.ts";
import { unpainted } from "./paint.ts";
import { sampleLine, sampleTrace } from "./trace.fixture.ts";

const opts = { paint: unpainted, nowMs: Date.parse("2026-11-24T20:00:00Z") };

test("a request's lines as a table: when, who, and what the access line says of it", () => {
  expect(logLines(sampleTrace().lines, opts)).toEqual([
    "TIME (UTC)     SERVICE     POD                          LEVEL   MESSAGE",
    "14:20:42.113   stock       stock-5d978fb958-tv6zh       info    request GET /api/stock/:id 200 8 ms",
    "14:20:42.120   catalogue   catalogue-77c898d564-9k4vt   info    request GET /api/products/:id 200 20 ms",
  ]);
});

test("lines of another day say which", () => {
  const [, , second = ""] = logLines(sampleTrace().lines, { ...opts, nowMs: Date.parse("2026-11-25T00:00:01Z") });
  expect(second).toMatch(/^2026-11-24T14:20:42\.120Z {3}catalogue/);
});

test("what was logged with a message stands behind it; what every line has, and stacks, do not", () => {
  const fields = {
    "event.name": "upstream.breaker",
    upstream: "stock",
    from: "closed",
    to: "half open",
    "k8s.node.name": "holdfast-worker",
    "service.name": "catalogue",
    "exception.stacktrace": "Error\n    at x",
    _stream: "{}",
    seq: "3",
  };
  expect(lineText(sampleLine({ message: "breaker of stock: closed -> half open", fields }, 0))).toBe(
    'breaker of stock: closed -> half open event.name=upstream.breaker upstream=stock from=closed to="half open"',
  );
});

test("a failed request says how, and one whose client went away has no status", () => {
  const fields = { "http.request.method": "GET", "url.path": "/x", "http.server.request.duration_ms": "1500" };
  const failed = { ...fields, "http.response.status_code": "503", "error.type": "503" };
  expect(lineText(sampleLine({ level: "error", fields: failed }, 0))).toBe("request GET /x 503 1.5 s");
  expect(lineText(sampleLine({ fields: { ...fields, "error.type": "aborted" } }, 0))).toBe(
    "request GET /x 1.5 s (aborted)",
  );
});

test("what somebody sent into a log moves no cursor and makes no second line", () => {
  const line = sampleLine({ message: "a\nb\u001B[2Jc", fields: { "url.path": "\u009B2J", x: "1\r2" } }, 0);
  expect(lineText(line)).toBe(String.raw`a\nb\x1b[2Jc url.path=\x9b2J x="1\r2"`);
  expect(logLines([line], opts)).toHaveLength(2);
});
