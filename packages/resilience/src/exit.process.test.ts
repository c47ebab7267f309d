/** That nothing of this package keeps a process alive, or leaves a timer behind. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

/** Runs a program against the package; its exit code and output, or "held" when it does not end within `withinMs`. */
async function run(program: string, withinMs: number): Promise<{ ended: number | "held"; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd: PACKAGE,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = new Promise<number | "held">((resolve) => child.once("close", (code) => resolve(code ?? "held")));
  child.stdin.end(program);
  const watch = setTimeout(() => child.kill("SIGKILL"), withinMs);
  const how = await ended;
  clearTimeout(watch);
  return { ended: how, output };
}

const MADE = `
  import { createShedder, startDeadline } from "./src/index.ts";
  import { createUpstream } from "./src/upstream.ts";
  const stock = createUpstream({
    name: "stock", attemptTimeoutMs: 60_000,
    retry: { maxAttempts: 3, budgetRatio: Infinity, baseDelayMs: 1, maxDelayMs: 1, afterMs: () => 30_000 },
    breaker: { failures: 5, openMs: 60_000 },
  });
  const shedder = createShedder({ shedAbove: 0.9, resumeBelow: 0.7, intervalMs: 10_000 });
  const deadline = startDeadline(60_000);
  deadline.signal.addEventListener("abort", () => {});
  const codes = [];
  const note = (error) => codes.push(error.code);
`;
const UNDER_WAY = `
  const calls = [
    stock.call(() => new Promise(() => {}), { deadline }).catch(note),
    stock.call(() => Promise.reject(new Error("down")), { deadline }).catch(note),
  ];
  await new Promise((resolve) => setTimeout(resolve, 50));
`;

test("after close() and stop() no timer is left and the process ends by itself", { timeout: 15_000 }, async () => {
  const program = `${MADE} ${UNDER_WAY}
    stock.close();
    shedder.stop();
    deadline.clear();
    await Promise.all(calls);
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate");
    console.log(JSON.stringify({ codes, timers }));
  `;
  const { ended, output } = await run(program, 10_000);
  expect(JSON.parse(output)).toEqual({ codes: ["UPSTREAM_CLOSED", "UPSTREAM_CLOSED"], timers: [] });
  expect(ended).toBe(0);
});

test("a shedder and a deadline that nobody ended hold nothing: they are no work", { timeout: 15_000 }, async () => {
  expect((await run(MADE, 10_000)).ended).toBe(0);
});

test("control: a call under way does hold it, as work should", { timeout: 15_000 }, async () => {
  expect((await run(`${MADE} ${UNDER_WAY}`, 2_000)).ended).toBe("held");
});
