import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPodLogs } from "./pod-logs.ts";

let logDir = "";
beforeAll(async () => {
  logDir = await mkdtemp(path.join(tmpdir(), "pod-logs-"));
});
afterAll(() => rm(logDir, { recursive: true, force: true }));

/** What stands in the log of a pod whose `kubectl logs` is this program. */
async function followed(pod: string, command: string[]): Promise<string> {
  const logs = createPodLogs({ command: () => command }, { namespace: "holdfast-lab", logDir });
  logs.follow(pod);
  await logs.finish();
  return readFile(path.join(logDir, `${pod}.log`), "utf8");
}

const node = (code: string) => [process.execPath, "-e", code];

test("a log that came to its end is what the pod said, and no more", async () => {
  expect(await followed("catalogue-1", node("console.log('ready')"))).toBe("ready\n");
});

test("a log that broke off says so in its last line, with kubectl's own words or the lack of them", async () => {
  const refused = node(
    "console.log('ready'); console.error('error: the container is not there'); process.exitCode = 1",
  );
  expect(await followed("catalogue-2", refused)).toBe(
    "ready\nThe log could not be followed any further: error: the container is not there\n",
  );
  expect(await followed("catalogue-3", node("process.exitCode = 2"))).toContain("kubectl ended (exit code 2)");
  expect(await followed("catalogue-4", [path.join(logDir, "no-kubectl")])).toContain("ENOENT");
});

test("who is told to end at once takes the streams along", { timeout: 20_000 }, () => {
  const script = `
    import { createPodLogs } from ${JSON.stringify(new URL("pod-logs.ts", import.meta.url).href)};
    const command = [process.execPath, "-e", "console.log(process.pid); setInterval(() => {}, 1000)"];
    const logs = createPodLogs({ command: () => command }, { namespace: "lab", logDir: process.argv[1] });
    const { readFileSync } = await import("node:fs");
    logs.follow("catalogue-5");
    const written = () => { try { return readFileSync(process.argv[1] + "/catalogue-5.log", "utf8"); } catch { return ""; } };
    setInterval(() => { if (written() !== "") { console.log(written()); process.exit(130); } }, 20);
  `;
  let pid = 0;
  try {
    execFileSync(process.execPath, ["--input-type=module", "-e", script, logDir], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    pid = Number((error as { stdout: string }).stdout);
  }
  expect(pid).toBeGreaterThan(0);
  return expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
});

/** Whoever has ended and is not yet buried by its parent is dead too. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return /^[^Z]/.test(stdout.trim());
}
