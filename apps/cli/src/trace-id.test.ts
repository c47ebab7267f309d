import { expect, test } from "vitest";
import { traceIdOf } from "./trace-id.ts";

const id = "4bf92f3577b34da6a3ce929d0e0e4736";

test("an id is taken as it is, in capitals, or out of a whole traceparent", () => {
  expect(traceIdOf(id)).toBe(id);
  expect(traceIdOf(id.toUpperCase())).toBe(id);
  expect(traceIdOf(`00-${id}-00f067aa0ba902b7-01`)).toBe(id);
});

test.for(["", "E1", id.slice(1), `${id}0`, id.replace("4", "g"), "0".repeat(32), `00-${id}`, `${id}" or *`])(
  "%s is none, and what one looks like is said",
  (text) => {
    expect(() => traceIdOf(text)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringMatching(/ is no trace id: that is 32 hex digits/),
      }),
    );
  },
);
