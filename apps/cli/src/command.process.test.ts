/** The real command, as a person and as a script would use it. Side by side, since most of it is waiting. */
import { readdir, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import type { Verdict, VerdictCode } from "@holdfast/load";
import { describe, expect, test, vi, type TestContext } from "vitest";
import { createSandbox, isListening, type Sandbox } from "./holdfast.fixture.ts";
import type { Snapshot } from "./snapshot.ts";

/** On a machine that has other things to do. */
const WITHIN = { timeout: 20_000, interval: 250 };

/** What keeps a verdict from being had where many other things run. */
const TOO_BUSY = new Set<VerdictCode>(["schedule-lag", "generator-limit", "clock-uncertain", "baseline-unhealthy"]);

async function occupyAPort({ onTestFinished }: TestContext, port = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function status(sandbox: Sandbox): Promise<Snapshot> {
  const { code, out, err } = await sandbox.run("status", "-o", "json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Snapshot;
}

describe.concurrent("./holdfast", { timeout: 90_000 }, () => {
  test("start without a terminal: lines, a second terminal, and nothing left after Ctrl-C", async (context) => {
    const sandbox = await createSandbox(context);
    const start = sandbox.holdfast("start", "--port", "0", "--rate", "40");
    const [, url = "", port = ""] = await start.says(/^Serving at (http:\/\/localhost:(\d+)) after [\d.]+ m?s\.$/m);
    const answer = await fetch(`${url}/api/products?limit=1`);
    expect(answer.status).toBe(200);

    const before = await status(sandbox);
    expect(before.services.map((s) => [s.name, s.replicas.map((r) => r.state)])).toEqual([
      ["catalogue", ["ready", "ready", "ready"]],
      ["stock", ["ready"]],
    ]);
    const dir = `${sandbox.tmp}/${(await sandbox.leftFiles())[0]}`;
    expect((await stat(dir)).mode & 0o777).toBe(0o700);

    // A second one is told about the first.
    const second = await sandbox.run("start", "--port", "0");
    expect(second).toMatchObject({ code: 4, out: "" });
    expect(second.err).toMatch(
      /^holdfast: A start of this checkout is running already \(pid \d+, http:.*\): end it with `\.\/holdfast stop`/m,
    );

    // Killed: dies, and is started again under its name.
    const victim = before.services[0]?.replicas[0];
    const killed = await sandbox.run("kill", victim?.name ?? "");
    expect(killed).toEqual({ code: 0, out: `Killed ${victim?.name} (pid ${victim?.pid}) with SIGKILL.\n`, err: "" });
    // Before more happens than the next line can hold.
    await start.says(/died \(SIGKILL\)/);
    const unknown = await sandbox.run("kill", "nobody");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/^holdfast: There is no replica "nobody": there are catalogue-/);

    // Broken: answers say that they are degraded.
    expect((await sandbox.run("break")).code).toBe(0);
    await start.says(/ answered, [1-9][\d ]* degraded, /);
    expect(await sandbox.run("heal")).toEqual({ code: 0, out: "Stock is back.\n", err: "" });

    expect(await sandbox.run("scale", "2")).toMatchObject({ code: 0, err: "" });
    const rollout = await sandbox.run("rollout", "--to", "v9", "-o", "json");
    expect(rollout.code).toBe(0);
    expect(JSON.parse(rollout.out)).toMatchObject({ version: "v9", failed: 0 });
    const after = await status(sandbox);
    expect(after.services[0]?.replicas.map((r) => [r.version, r.state])).toEqual([
      ["v9", "ready"],
      ["v9", "ready"],
    ]);

    // One line every five seconds, with replicas, numbers and what happened.
    const lines = start.out.split("\n").filter((line) => line.startsWith("up "));
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.at(-1)).toMatch(
      /^up \d+ s \| catalogue: catalogue-\S+ \w+ v\d pid \d+ \(\d+ requests.*\| stock: .* \| \d.* requests\/s, p50 .*, p99 .*; .* sent, .* answered, .* degraded, \d+ failed/,
    );

    const family = await start.family();
    // The command, two balancers, the load, two replicas and the upstream.
    expect(family.length).toBeGreaterThanOrEqual(7);
    // Ctrl-C reaches every process of the group, and npm hands it on once more.
    start.signalGroup("SIGINT");
    start.child.kill("SIGINT");
    expect({ code: await start.exit, err: start.err }).toMatchObject({ code: 0 });
    expect(start.out).toMatch(
      /\nDrained and ended: [\d ]+ requests, [\d ]+ answered, [\d ]+ degraded, \d+ failed.*\.\n$/,
    );
    expect(await sandbox.leftProcesses(family)).toEqual([]);
    expect(await sandbox.leftFiles()).toEqual([]);
    expect(await isListening(Number(port))).toBe(false);
  });

  test("start --rollout: one rollout under load: its verdict, by kind of connection, and the exit code", async (context) => {
    const sandbox = await createSandbox(context);
    const { code, out } = await sandbox.run(
      "start",
      "--rollout",
      "--replicas",
      "2",
      "--port",
      "0",
      "--log-dir",
      "kept",
      "-o",
      "json",
    );
    const verdict = JSON.parse(out) as Verdict;
    // On a machine that is too busy there is no verdict, and saying so is right. Nothing else may keep it from passing.
    const expected = TOO_BUSY.has(verdict.code) ? { code: 3, verdict: "INVALID" } : { code: 0, verdict: "PASS" };
    const { total, byConnection } = verdict.failed;
    expect({ code, verdict: verdict.verdict, reason: verdict.reason }).toMatchObject(expected);
    expect(byConnection.new + byConnection.persistent).toBe(total);
    const again = await sandbox.run("verdict", "kept/rollout.ledger.jsonl", "-o", "json");
    expect({ code: again.code, verdict: JSON.parse(again.out) }).toMatchObject({ code, verdict });
    expect(await sandbox.leftProcesses()).toEqual([]);
    expect(await sandbox.leftFiles()).toEqual(["kept"]);
  });

  test("start on a port that is taken: one sentence, code 4, and nothing begun", async (context) => {
    const sandbox = await createSandbox(context);
    const port = await occupyAPort(context);
    const { code, out, err } = await sandbox.run("start", "--port", String(port));
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(err).toContain(
      `holdfast: Port ${port} is taken: end what listens there, or give another \`--port\` (0 takes any free one).\n`,
    );
    expect(await sandbox.leftFiles()).toEqual([]);
  });

  test("start when the usual port is taken: another one, and it says so", async (context) => {
    const sandbox = await createSandbox(context);
    // Whoever has it already will do.
    await occupyAPort(context, 8080).catch(() => {});
    const start = sandbox.holdfast("start", "--rate", "0", "--replicas", "1");
    const [, port = ""] = await start.says(/^Serving at http:\/\/localhost:(\d+)/m);
    expect(port).not.toBe("8080");
    expect(start.err).toContain("Port 8080 is taken: serving on a free one instead.\n");
    const family = await start.family();
    expect(await sandbox.run("stop")).toMatchObject({ code: 0, out: expect.stringMatching(/^Drained and ended: /) });
    expect({ code: await start.exit, err: start.err }).toMatchObject({ code: 0 });
    expect(await sandbox.leftProcesses(family)).toEqual([]);
    expect(await sandbox.leftFiles()).toEqual([]);
  });

  test("a start that is killed leaves no process, and the next one takes its place; SIGTERM ends it as Ctrl-C does", async (context) => {
    const sandbox = await createSandbox(context);
    const killed = sandbox.holdfast("start", "--rate", "5", "--replicas", "1", "--port", "0");
    await killed.says(/^Serving at/m);
    const family = await killed.family();
    killed.child.kill("SIGKILL");
    await killed.exit;
    await vi.waitFor(async () => expect(await sandbox.leftProcesses(family)).toEqual([]), WITHIN);
    expect((await sandbox.run("stop")).err).toMatch(/^holdfast: No start of this checkout is running: /);

    const next = sandbox.holdfast("start", "--rate", "5", "--replicas", "1", "--port", "0");
    await next.says(/^Serving at/m);
    next.child.kill("SIGTERM");
    expect({ code: await next.exit, err: next.err }).toMatchObject({ code: 0 });
    expect(await sandbox.leftProcesses()).toEqual([]);
    expect(await sandbox.leftFiles()).toEqual([]);
  });

  test("an experiment that does not exist is a mistake of usage", async (context) => {
    const sandbox = await createSandbox(context);
    const { code, out, err } = await sandbox.run("run", "E99");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^holdfast: .*E99.*E1.*\n$/);
    expect(await sandbox.leftFiles()).toEqual([]);
  });

  test("a control that does not exist is one as well, and the controls are named", async (context) => {
    const sandbox = await createSandbox(context);
    const { code, err } = await sandbox.run("run", "E1", "--control", "nonsense");
    expect(code).toBe(2);
    expect(err).toMatch(/^holdfast: E1 has no control "nonsense" on fleet: it has "no-drain" or "announce-0"\.\n$/);
  });

  test("a place for results that cannot be written is named before anything starts", async (context) => {
    const sandbox = await createSandbox(context);
    await writeFile(path.join(sandbox.tmp, "a-file"), "");
    const { code, out, err } = await sandbox.run("run", "E3", "--out", "a-file/out");
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(err).toMatch(/holdfast: .*a-file\/out.*\n$/);
    expect(err).not.toContain("    at ");
  });

  test("Ctrl-C ends a run in order: rolled back, nothing left, no half result", async (context) => {
    const sandbox = await createSandbox(context);
    const run = sandbox.holdfast("run", "E3", "--out", "out");
    await vi.waitFor(() => expect(run.err).toMatch(/undisturbed|baseline/), { timeout: 30_000 });
    const family = await run.family();
    run.signalGroup("SIGINT");
    expect(await run.exit).toBe(130);
    expect(run.err).toContain("Stopping: the rollback runs first.");
    expect(run.out).toBe("");
    expect(await sandbox.leftProcesses(family)).toEqual([]);
    expect(await readdir(path.join(sandbox.tmp, "out")).catch(() => [])).toEqual([]);
  });

  test("what is no ledger has no verdict", async (context) => {
    const sandbox = await createSandbox(context);
    const missing = await sandbox.run("verdict", "nowhere.jsonl");
    expect(missing).toMatchObject({ code: 4, out: "" });
    expect(missing.err).toMatch(/^holdfast: .*nowhere\.jsonl.*\n$/);
    await writeFile(path.join(sandbox.tmp, "letter.txt"), "Dear ledger,\n");
    const broken = await sandbox.run("verdict", "letter.txt");
    expect(broken).toMatchObject({ code: 4, out: "" });
    expect(broken.err).toMatch(/^holdfast: .*letter\.txt.*\n$/);
  });
});
