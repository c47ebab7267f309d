import { describe, expect, it } from "vitest";
import { run } from "./run.ts";

describe("the process runner", () => {
  it("gives what the program printed, and it input", async () => {
    const result = await run("sh", ["-c", 'cat; echo "$WORD" >&2'], { input: "in", env: { WORD: "err" } });
    expect(result).toEqual({ stdout: "in", stderr: "err" });
  });

  it("gives no input where there is none, so that nothing waits for a person", async () => {
    expect(await run("cat", [])).toEqual({ stdout: "", stderr: "" });
  });

  it("says what could not be done, by which command, and the program's last lines", async () => {
    const script = "for i in $(seq 30); do echo line $i >&2; done; exit 3";
    const failed = run("sh", ["-c", script], { what: "count" });
    await expect(failed).rejects.toMatchObject({ name: "ClusterError", code: "TOOL_FAILED" });
    await expect(failed).rejects.toThrow(
      /^Could not count: `sh -c .*` ended with an error \(exit code 3\)\. It said:\n/,
    );
    await expect(failed).rejects.toThrow("  line 30");
    await expect(failed).rejects.not.toThrow("  line 5\n");
  });

  it("says which program is not there", async () => {
    await expect(run("/nowhere/kind", ["version"], { what: "ask kind" })).rejects.toMatchObject({
      code: "TOOL_MISSING",
      message: "Could not ask kind: there is no program /nowhere/kind.",
    });
  });

  it("ends a program and its children on abort, and returns when they are gone", async () => {
    const stop = new AbortController();
    // The child of the child holds the output open: had it been left running, this would take a minute.
    const running = run("sh", ["-c", "sleep 60 & wait"], { signal: stop.signal, what: "wait" });
    setTimeout(() => stop.abort(), 100);
    await expect(running).rejects.toMatchObject({ code: "ABORTED", message: "Stopped before we could wait." });
  });

  it("kills what does not end when it is told to", async () => {
    const running = run("sh", ["-c", "trap '' TERM; sleep 60 & wait; wait"], { timeoutMs: 200, what: "wait" });
    await expect(running).rejects.toMatchObject({ code: "TIMEOUT" });
  }, 10_000);

  it("starts nothing when stop was said before", async () => {
    await expect(run("sh", ["-c", "exit 0"], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ABORTED",
    });
  });
});
