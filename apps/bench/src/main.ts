/** `./holdfast bench`: how fast, beside what people use today. Ratios from one run; a table and out/bench.json. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { measureScheduleError } from "@holdfast/load";
import { preparePeers } from "./peers.ts";
import { startSink } from "./sink.ts";
import { measureStartup } from "./startup.ts";
import { summarise, table, type BenchResult } from "./summary.ts";
import { measureThroughput } from "./throughput.ts";

const USAGE = `Usage: ./holdfast bench [--rounds N] [--seconds N] [--out DIR] [-o json]

Measures throughput, CPU a request and memory under load of Express 5 bare, tuned, with Holdfast's telemetry and with what
people use today; start-up of the service's bundle; and how exactly the load generator keeps its schedule.

  --rounds N    alternating rounds, each with every peer (default 7)
  --seconds N   length of one peer's turn (default 3)
  --out DIR     where bench.json goes (default out)
  -o json       print the result as JSON instead of a table

Run it on a machine that does nothing else. Exit codes: 0 done, 2 usage, 4 could not run.
`;

function fail(code: number, sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: "string", default: "7" },
        seconds: { type: "string", default: "3" },
        out: { type: "string", default: "out" },
        output: { type: "string", short: "o", default: "table" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (!["table", "json"].includes(values.output))
      throw new Error(`-o is "${values.output}"; it may be table or json.`);
    return { ...values, rounds: positive("--rounds", values.rounds), seconds: positive("--seconds", values.seconds) };
  } catch (error) {
    return fail(2, `${(error as Error).message}\nSee ./holdfast bench --help.`);
  }
}

function positive(flag: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new Error(`${flag} is "${value}"; it may be a whole number from 1 to 1000.`);
}

async function main() {
  const { rounds, seconds, out, output } = readArguments();
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const workDir = mkdtempSync(path.join(tmpdir(), "holdfast-bench-"));
  // Ctrl-C ends the servers with their IPC channel; what remains is the directory.
  process.on("exit", () => rmSync(workDir, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

  await using sink = await startSink();
  const throughput = await measureThroughput({
    peers: await preparePeers({ sinkUrl: sink.url, workDir }),
    rounds,
    seconds,
    workDir,
    onRound: progress,
  });
  progress("start-up ...");
  const startup = await measureStartup({ rounds: Math.max(rounds, 10), sinkUrl: sink.url });
  const schedule = [];
  for (const ratePerSecond of [100, 2000]) {
    progress(`schedule error at ${ratePerSecond} requests/s ...`);
    schedule.push(await measureScheduleError({ ratePerSecond, durationMs: 10_000 }));
  }

  const result: BenchResult = {
    schemaVersion: 1,
    measuredAt: new Date().toISOString(),
    machine: {
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      cpus: cpus().length,
      cpu: cpus()[0]?.model ?? "unknown",
    },
    rounds,
    seconds,
    ...summarise({ throughput, startup, schedule }),
  };
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, "bench.json"), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(output === "json" ? `${JSON.stringify(result, null, 2)}\n` : table(result));
}

await main().catch((error: Error) => fail(4, `The benchmark could not run: ${error.message}`));
