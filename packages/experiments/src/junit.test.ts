import { expect, test } from "vitest";
import { junit } from "./junit.ts";
import { exampleLedger, exampleResult, exampleVerdict } from "./ledger.fixture.ts";
import type { ControlReport, RunResult } from "./result.ts";

const verdict = exampleVerdict(exampleLedger());
const ran = (asPredicted: boolean): ControlReport => ({
  name: "no-drain",
  because: "nothing waits",
  change: { path: "catalogue.shutdown.enabled", from: true, to: false },
  predict: { fates: ["reset"], connection: "new", windows: ["ending"] },
  asPredicted,
  expected: "FAIL",
});
const of = (more: Partial<RunResult>) => exampleResult(verdict, more);

test("a control that fails as predicted passes its case; one that does not is a failure, INVALID an error", () => {
  const xml = junit([
    of({}),
    of({ verdict: "FAIL", ran: ran(true) }),
    of({ verdict: "PASS", ran: ran(false) }),
    of({ verdict: "INVALID", reason: 'too <few> "sockets" & \u0007' }),
  ]);
  expect(xml).toContain('tests="4" failures="1" errors="1"');
  expect(xml.match(/<failure /g)).toHaveLength(1);
  expect(xml.match(/<error /g)).toHaveLength(1);
  expect(xml).toContain('message="too &lt;few&gt; &quot;sockets&quot; &amp; ?"');
  expect(xml).toContain('name="E1 Rolling update: control no-drain fails as predicted"');
});
