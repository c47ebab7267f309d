import { expect, test } from "vitest";
import { portsOf } from "./up.ts";

test("ports are the usual ones, or any free ones, and what is named stays", () => {
  expect(portsOf({})).toEqual({
    app: 30_080,
    lab: 30_081,
    prometheus: 30_090,
    logs: 30_428,
    traces: 30_686,
    registry: 5_001,
  });
  expect(portsOf({ port: 8_080, registryPort: 0 })).toMatchObject({ app: 8_080, lab: 30_081, registry: 0 });
  expect(portsOf({ freePorts: true, labPort: 9_000, tracesPort: 9_001 })).toEqual({
    app: 0,
    lab: 9_000,
    prometheus: 0,
    logs: 0,
    traces: 9_001,
    registry: 0,
  });
});
