import { expect, test } from "vitest";
import { CliError } from "./cli-error.ts";
import { reportError } from "./report-error.ts";
import { createFakeTerminal } from "./terminal.fixture.ts";

function report(error: unknown, verbose = false): { code: number; said: string } {
  const { terminal, said } = createFakeTerminal();
  const code = reportError(error, { terminal, verbose });
  return { code, said: said.err };
}

const coded = (code: string, more: object = {}): Error =>
  Object.assign(new Error("It could not be done."), { code, ...more });

test("errors of other rooms are sentences already, and their codes choose the exit code", () => {
  expect(report(coded("FLEET_PORT_TAKEN"))).toEqual({ code: 4, said: "holdfast: It could not be done.\n" });
  expect(report(coded("EXPERIMENT_UNKNOWN", { hint: "Try E1." }))).toEqual({
    code: 2,
    said: "holdfast: It could not be done. Try E1.\n",
  });
  expect(report(coded("INTERRUPTED")).code).toBe(130);
});

test("an abort is an interruption", () => {
  expect(report(AbortSignal.abort().reason)).toEqual({ code: 130, said: "holdfast: Interrupted.\n" });
});

test.for([new Error("odd"), coded("ERR_INVALID_ARG_TYPE"), coded("ENOENT", { syscall: "open" })])(
  "what nobody foresaw says how to find out more: %s",
  (error) => {
    const { code, said } = report(error);
    expect(code).toBe(4);
    expect(said).toContain("--verbose shows where it came from");
    expect(said).not.toContain("    at ");
    expect(report(error, true).said).toContain("    at ");
  },
);

test("when cleaning up fails too, the first error is told", () => {
  const first = new CliError("This was first.", { code: "FIRST", exitCode: 3 });
  expect(report(new SuppressedError(new Error("clean-up"), first))).toEqual({
    code: 3,
    said: "holdfast: This was first.\n",
  });
});
