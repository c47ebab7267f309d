import { createServer } from "node:http";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { judge, readLedger } from "@holdfast/load";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { experiment, type ControlInput, type ExperimentInput, type Lab } from "./experiment.ts";
import { runWithAttempts } from "./attempts.ts";
import { fleetTarget } from "./fleet-target.ts";
import { planned } from "./pass.ts";
import type { Progress } from "./progress.ts";
import { runExperiment, type RunOptions } from "./run.ts";
import { runSuite } from "./suite.ts";
import { targetHere } from "./target.fixture.ts";

const fixture = fileURLToPath(new URL("replica.fixture.ts", import.meta.url));
const command = [process.execPath, fixture];
/** The smallest system in which something can be lost, and quick in all it does. */
const SYSTEM = {
  // Each of 50 sockets is used once a second.
  catalogue: { replicas: 2, shutdown: { lagSeconds: 0.5, announceSeconds: 1.5 } },
  platform: { endpointLagMs: 200, exitNoticeMs: 200, linkDelayMs: 0 },
} as const;
const NO_DRAIN: ControlInput = {
  name: "no-drain",
  because: "nothing waits for what is in flight",
  with: { catalogue: { shutdown: { enabled: false } } },
  predict: {
    fates: ["refused", "reset", "incomplete"],
    eachConnection: ["new", "persistent"],
    windows: ["ending"],
    slackMs: 1000,
  },
};

const COMMON = {
  id: "E90",
  targets: ["fleet"],
  hypothesis: "nothing is lost",
  system: SYSTEM,
  load: { ratePerSecond: 100, persistentSockets: 50, slowShare: 0.3, slowMs: 300 },
  baselineSeconds: 3,
  methodWithinSeconds: 20,
  settleSeconds: 2,
  rollback: async () => {},
  controls: [NO_DRAIN],
  look: ["the lanes"],
  hints: ["who is faster?"],
  solution: "wait first",
} satisfies Partial<ExperimentInput>;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "experiments-run-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A rolling update of the fixture: something that can be lost. */
function rollingUpdate() {
  return experiment({
    ...COMMON,
    title: "Rolling update",
    method: async (lab) => {
      await rollOut(lab);
      const replica = await lab.anyReplica();
      await lab.during("dim", async () => {
        await lab.target.fault(replica, { fault: "dim", ttlSeconds: 60 });
        expect(await lab.target.faults(replica)).toEqual(["dim"]);
        lab.setRate(140);
        await lab.pass({ seconds: 0.5 });
        await lab.target.clearFaults(replica);
      });
      lab.measured("light", { said: "the lamp was dim for 0.5 s", seconds: 0.5 });
    },
    watch: [{ service: "catalogue", metric: "lamp_state", label: "state", event: "lamp", everyMs: 50 }],
    pass: planned(() => ({
      windows: [
        { name: "starting", from: "replica.starting", to: "replica.ready" },
        { name: "ending", from: "replica.ending", to: "replica.ended" },
      ],
      minScheduledInWindows: 20,
      victims: ["replica.ending"],
      said: "nothing fails",
    })),
  });
}

/** One replica, and a method that says itself when its fault works: for what is the engine's alone. */
function singleReplica(method: ExperimentInput["method"], more: Partial<ExperimentInput> = {}) {
  return experiment({
    ...COMMON,
    title: "Single replica",
    system: { ...SYSTEM, catalogue: { ...SYSTEM.catalogue, replicas: 1 } },
    load: { ratePerSecond: 60, persistentSockets: 50 },
    method,
    pass: planned(() => ({
      windows: [{ name: "fault", from: "fault.start", to: "fault.end" }],
      minScheduledInWindows: 5,
      said: "nothing fails",
    })),
    ...more,
  });
}

/** A fault that hurts nobody. */
async function harmless({ target, during, anyReplica, pass }: Lab): Promise<void> {
  const replica = await anyReplica();
  await during("fault", async () => {
    await target.fault(replica, { fault: "harmless", ttlSeconds: 60 });
    await pass({ seconds: 0.3 });
  });
}

async function rollOut({ target, during, signal }: Lab): Promise<void> {
  await during("rollout-1", async () => {
    await target.rollOut("catalogue", { version: "2.0.0", signal });
    await target.settled("catalogue", { withinMs: 20_000, signal });
  });
}

function options(name: string, more: Partial<RunOptions> = {}): RunOptions {
  return { target: fleetTarget({ catalogue: { command }, stock: { command } }), outDir: path.join(dir, name), ...more };
}

/** For what is the engine's alone: a fleet would show no more. */
function here(name: string): RunOptions {
  return options(name, { target: targetHere() });
}

/** Which processes of the fixture run now. */
function leftovers(): string[] {
  const list = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
  return list.filter((line) => line.includes(fixture));
}

// What only waits can wait together: each run is its own fleet, its own load and its own directory.
describe.concurrent("a run", { timeout: 60_000 }, () => {
  test("passes, with its control failing as predicted, and leaves files from which the verdict is recomputed", async () => {
    const progress: Progress[] = [];
    const suite = await runSuite({
      ...options("pass"),
      experiments: [rollingUpdate()],
      withControls: true,
      onProgress: (step) => progress.push(step),
    });
    expect(suite.results.map(({ verdict, reason }) => `${verdict} ${reason}`)).toEqual([
      expect.stringMatching(/^PASS/),
      expect.stringMatching(/^FAIL It fails as predicted/),
    ]);
    expect(suite).toMatchObject({ passed: 2, failed: 0, exitCode: 0 });

    const out = path.join(dir, "pass");
    expect((await readdir(out)).toSorted()).toEqual(
      ["E90.control-no-drain", "E90"]
        .flatMap((stem) => [`${stem}.html`, `${stem}.json`, `${stem}.ledger.jsonl`, `${stem}.logs`])
        .toSorted(),
    );
    const result = JSON.parse(await readFile(path.join(out, "E90.json"), "utf8"));
    expect(result).toMatchObject({
      id: "E90",
      target: "fleet",
      verdict: "PASS",
      failed: { total: 0 },
      rollback: { verified: true },
      control: {
        name: "no-drain",
        expected: "FAIL",
        verdict: "FAIL",
        asPredicted: true,
        change: { path: "catalogue.shutdown.enabled", from: true, to: false },
      },
    });
    expect(result.control.failed.byConnection.new).toBeGreaterThan(0);
    expect(result.control.failed.byConnection.persistent).toBeGreaterThan(0);
    // Logs of all: 2 old and 2 new replicas, 1 stock.
    expect(await readdir(path.join(out, "E90.logs"))).toHaveLength(5);

    const ledger = await readLedger(path.join(out, "E90.ledger.jsonl"));
    expect(judge(ledger)).toMatchObject({
      verdict: "PASS",
      sent: result.sent,
      answered: result.answered,
      sentDuringFault: result.sentDuringFault,
    });
    // What the method measured is said, and its rate was not kept.
    expect(result.measured).toEqual([{ name: "light", said: "the lamp was dim for 0.5 s", seconds: 0.5 }]);
    expect(result.reason).toMatch(/\. The lamp was dim for 0\.5 s\.$/);
    expect(ledger.rates.map(({ ratePerSecond }) => ratePerSecond)).toEqual([100, 140, 100]);
    const names = ledger.events.map(({ name }) => name);
    const order = [
      "baseline.start",
      "baseline.end",
      "rollout-1.start",
      "replica.ending",
      "replica.ended",
      "rollout-1.end",
      "method.done",
      "rollback.start",
      "rollback.verified",
    ];
    expect(order.map((name) => names.indexOf(name))).toEqual(
      order.map((name) => names.indexOf(name)).toSorted((a, b) => a - b),
    );
    expect(names).toEqual(expect.arrayContaining(order));

    const lamps = ledger.events.filter(({ name }) => name.startsWith("lamp."));
    const dim = lamps.find(({ name }) => name === "lamp.dim");
    expect(lamps.filter(({ subject }) => subject === dim?.subject).map(({ name }) => name)).toEqual([
      "lamp.bright",
      "lamp.dim",
      "lamp.bright",
    ]);

    expect(new Set(progress.map(({ type }) => type))).toEqual(
      new Set(["run", "phase", "tick", "event", "mark", "result"]),
    );
    expect(progress.flatMap((step) => (step.type === "phase" ? [step.phase] : [])).slice(0, 7)).toEqual([
      "start",
      "sockets",
      "baseline",
      "method",
      "settle",
      "rollback",
      "verdict",
    ]);
  });

  test("whose method waits in vain fails, and says for what", async () => {
    const method = async (lab: Lab) => {
      await harmless(lab);
      await lab.until("pigs to fly", { withinSeconds: 0.3, holds: () => false });
    };
    const result = await runExperiment(singleReplica(method, { methodWithinSeconds: 4 }), here("in-vain"));
    expect(result).toMatchObject({ verdict: "FAIL", code: "deadline-missed" });
    expect(result.reason).toBe("The run waited 0.3 s for pigs to fly, in vain.");
    const recomputed = judge(await readLedger(path.join(dir, "in-vain", "E90.ledger.jsonl")));
    expect(recomputed).toMatchObject({ verdict: "FAIL", code: "deadline-missed" });
  });

  test("that finds out that it can show nothing is INVALID, for the reason that it gives, and rolls back", async () => {
    const method = async (lab: Lab) => lab.need(false, "There is no moon tonight.");
    const result = await runExperiment(singleReplica(method), here("no-moon"));
    expect(result).toMatchObject({
      verdict: "INVALID",
      code: "voided",
      reason: "There is no moon tonight.",
      rollback: { verified: true },
    });
    const recomputed = judge(await readLedger(path.join(dir, "no-moon", "E90.ledger.jsonl")));
    expect(recomputed).toMatchObject({ verdict: "INVALID", reason: "There is no moon tonight." });
  });

  test("whose rollback leaves a fault behind does not pass", async () => {
    const target = targetHere({ stuckFault: "harmless" });
    const result = await runExperiment(singleReplica(harmless), options("stuck", { target }));
    expect(result).toMatchObject({ verdict: "INVALID", failed: { total: 0 }, rollback: { verified: false } });
    expect(result.reason).toMatch(/The rollback could not be verified: faults: catalogue-\S+ still has harmless/);
  });

  test("that is INVALID is repeated where that was asked for; both attempts' records are kept, and no older ones", async () => {
    const out = path.join(dir, "again");
    await mkdir(out);
    await writeFile(path.join(out, "E90.attempt-7.json"), "of yesterday");
    let runs = 0;
    const method = async (lab: Lab) => {
      runs += 1;
      // Too little is due while the fault works, but for the second time.
      const seconds = runs === 1 ? 0.01 : 0.5;
      const replica = await lab.anyReplica();
      await lab.during("fault", async () => {
        await lab.target.fault(replica, { fault: "harmless", ttlSeconds: 60 });
        await lab.pass({ seconds });
      });
    };
    const progress: string[] = [];
    const result = await runWithAttempts(singleReplica(method), {
      ...here("again"),
      attempts: 2,
      onProgress: ({ type }) => progress.push(type),
    });
    expect(result).toMatchObject({ verdict: "PASS", attempts: 2, earlier: [{ verdict: "INVALID" }] });
    expect(progress.filter((type) => type === "again" || type === "result")).toEqual(["result", "again", "result"]);
    expect((await readdir(out)).toSorted()).toEqual(
      ["E90.attempt-1", "E90"]
        .flatMap((stem) => [`${stem}.html`, `${stem}.json`, `${stem}.ledger.jsonl`, `${stem}.logs`])
        .toSorted(),
    );
    const first = JSON.parse(await readFile(path.join(out, "E90.attempt-1.json"), "utf8"));
    expect(first).toMatchObject({ verdict: "INVALID", files: { ledger: "E90.attempt-1.ledger.jsonl" } });
    expect(judge(await readLedger(path.join(out, first.files.ledger))).verdict).toBe("INVALID");
    expect(await readFile(path.join(out, "E90.html"), "utf8")).toContain("so this is attempt 2.");
  });

  test("whose method breaks off, rolls back, says so and leaves the results of before alone", async () => {
    const out = path.join(dir, "breaks");
    const rolledBack: string[] = [];
    const method = async (lab: Lab) => {
      await harmless(lab);
      throw new Error("the ladder broke");
    };
    const rollback: ExperimentInput["rollback"] = async ({ target }) => {
      for (const replica of await target.replicas("catalogue")) rolledBack.push(...(await target.faults(replica)));
    };
    await mkdir(out);
    await writeFile(path.join(out, "E90.json"), "of yesterday");
    await expect(runExperiment(singleReplica(method, { rollback }), here("breaks"))).rejects.toMatchObject({
      code: "TARGET_FAILED",
      message: "E90 broke off: the ladder broke. The rollback ran and was verified.",
    });
    // It ran, before the lab's own repair.
    expect(rolledBack).toEqual(["harmless"]);
    expect(await readdir(out)).toEqual(["E90.json"]);
    expect(await readFile(path.join(out, "E90.json"), "utf8")).toBe("of yesterday");
  });

  test("that is interrupted rolls back in order and leaves nothing", async () => {
    const abort = new AbortController();
    const method = async (lab: Lab) => {
      await harmless(lab);
      abort.abort();
      await lab.pass({ seconds: 60 });
    };
    await expect(
      runExperiment(singleReplica(method), options("interrupted", { signal: abort.signal })),
    ).rejects.toMatchObject({
      code: "INTERRUPTED",
      message: "E90 was interrupted. The rollback ran and was verified.",
    });
    expect(await readdir(path.join(dir, "interrupted"))).toEqual([]);
  });

  test("that is interrupted while it starts leaves nothing", async () => {
    const signal = AbortSignal.timeout(150);
    await expect(runExperiment(singleReplica(harmless), options("early", { signal }))).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(await readdir(path.join(dir, "early"))).toEqual([]);
  });

  test("whose method disturbs outside of during() is refused", async () => {
    const method = async ({ target }: Lab) => target.scale("catalogue", 1);
    await expect(runExperiment(singleReplica(method), here("outside"))).rejects.toMatchObject({
      code: "EXPERIMENT_REFUSED",
      message: expect.stringContaining("calls scale() outside of during()"),
    });
  });

  test("whose program does not start says what the program said", async () => {
    const broken = [process.execPath, "-e", "console.error('no such table: products'); process.exit(7)"];
    const target = fleetTarget({ catalogue: { command: broken }, stock: { command } });
    await expect(runExperiment(singleReplica(harmless), options("broken", { target }))).rejects.toMatchObject({
      code: "TARGET_FAILED",
      message: expect.stringContaining("no such table: products"),
    });
    expect(await readdir(path.join(dir, "broken"))).toEqual([]);
  });

  test("whose port is taken says so", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, "127.0.0.1", resolve);
    });
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    try {
      const target = fleetTarget({ catalogue: { command }, stock: { command }, port });
      await expect(runExperiment(singleReplica(harmless), options("taken", { target }))).rejects.toMatchObject({
        code: "TARGET_FAILED",
        message: expect.stringContaining(String(port)),
      });
    } finally {
      other.close();
    }
  });

  test("that does not suit the target, or has no such control, starts nothing", async () => {
    await expect(
      runExperiment(singleReplica(harmless, { targets: ["kind"] }), options("unsuited")),
    ).rejects.toMatchObject({
      code: "TARGET_UNSUITED",
    });
    await expect(
      runExperiment(singleReplica(harmless), options("unknown", { control: "no-such" })),
    ).rejects.toMatchObject({
      code: "EXPERIMENT_UNKNOWN",
      message: 'E90 has no control "no-such"; it has: no-drain.',
    });
    expect(existsSync(path.join(dir, "unsuited"))).toBe(false);
  });

  test("whose results cannot be written starts nothing", async () => {
    await writeFile(path.join(dir, "file"), "");
    await expect(runExperiment(singleReplica(harmless), options("file/out"))).rejects.toMatchObject({
      code: "OUT_UNWRITABLE",
    });
  });
});

test("no process of any run is left", () => {
  expect(leftovers()).toEqual([]);
});
