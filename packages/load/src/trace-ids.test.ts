import { expect, test } from "vitest";

import { createTraceIds } from "./trace-ids.ts";

test("ids have the W3C form and do not come twice", () => {
  const nextIds = createTraceIds();
  const ids = Array.from({ length: 1_000 }, nextIds);
  for (const { traceId, spanId } of ids) {
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  }
  expect(new Set(ids.flatMap(({ traceId, spanId }) => [traceId, spanId])).size).toBe(2_000);
});
