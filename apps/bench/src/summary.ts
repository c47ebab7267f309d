/** From rounds to what is printed and stored: medians, and ratios taken within each round. */
import type { ScheduleError } from "@holdfast/load";
import Table from "cli-table3";
import type { PeerName } from "./peers.ts";
import { figure, ratios, type Figure } from "./statistics.ts";
import type { StartupResult } from "./startup.ts";
import type { Round } from "./throughput.ts";

interface PeerSummary {
  requestsPerSecond: Figure;
  cpuMicrosPerRequest: Figure;
  rssMebibytes: Figure;
  /** Ratios to bare Express: throughput higher is better, CPU and memory lower is better. */
  toBare: { throughput: Figure; cpu: Figure; rss: Figure };
  /** Throughput as a ratio to Express with the same tuning and no telemetry. */
  toTuned: Figure;
}

export interface Summary {
  peers: Record<PeerName, PeerSummary>;
  startup: { bareMs: Figure; bundleMs: Figure; ratio: Figure };
  schedule: ScheduleError[];
}

export interface BenchResult extends Summary {
  schemaVersion: 1;
  measuredAt: string;
  machine: { node: string; platform: string; cpus: number; cpu: string };
  rounds: number;
  seconds: number;
}

export interface Measured {
  throughput: Record<PeerName, Round[]>;
  startup: StartupResult;
  schedule: ScheduleError[];
}

const NAMES: readonly PeerName[] = ["bare", "tuned", "holdfast", "usual"];

export function summarise({ throughput, startup, schedule }: Measured): Summary {
  const column = (name: PeerName, key: keyof Round) => throughput[name].map((round) => round[key]);
  const one = (name: PeerName): PeerSummary => {
    const to = (base: PeerName, key: keyof Round) => ratios(column(name, key), column(base, key));
    return {
      requestsPerSecond: figure(column(name, "requestsPerSecond")),
      cpuMicrosPerRequest: figure(column(name, "cpuMicrosPerRequest")),
      rssMebibytes: figure(column(name, "rssMebibytes")),
      toBare: {
        throughput: to("bare", "requestsPerSecond"),
        cpu: to("bare", "cpuMicrosPerRequest"),
        rss: to("bare", "rssMebibytes"),
      },
      toTuned: to("tuned", "requestsPerSecond"),
    };
  };
  return {
    peers: Object.fromEntries(NAMES.map((name) => [name, one(name)])) as Record<PeerName, PeerSummary>,
    startup: {
      bareMs: figure(startup.bareMs),
      bundleMs: figure(startup.bundleMs),
      ratio: ratios(startup.bundleMs, startup.bareMs),
    },
    schedule,
  };
}

const TITLES: Record<PeerName, string> = {
  bare: "Express 5, bare",
  tuned: "Express 5, tuned by hand",
  holdfast: "Express 5 + Holdfast telemetry",
  usual: "Express 5 + auto-instr. + pino-http + histogram",
};

/** The result as tables for a terminal. Ratios are medians, with their extremes in brackets. */
export function table(result: BenchResult): string {
  const plain = { style: { head: [], border: [] } };
  const ratio = ({ median, min, max }: Figure) => `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
  const peers = new Table({
    ...plain,
    head: ["", "requests/s", "x bare", "x tuned", "CPU us/request", "x bare", "RSS MiB", "x bare"],
  });
  for (const name of NAMES) {
    const peer = result.peers[name];
    peers.push([
      TITLES[name],
      Math.round(peer.requestsPerSecond.median),
      ratio(peer.toBare.throughput),
      ratio(peer.toTuned),
      peer.cpuMicrosPerRequest.median.toFixed(0),
      ratio(peer.toBare.cpu),
      peer.rssMebibytes.median.toFixed(0),
      ratio(peer.toBare.rss),
    ]);
  }
  const startup = new Table({ ...plain, head: ["start-up to the first 200", "ms", "x bare"] });
  startup.push(
    ["Express 5, bare, unbundled", result.startup.bareMs.median.toFixed(0), "1.00"],
    ["the service's one file, full telemetry", result.startup.bundleMs.median.toFixed(0), ratio(result.startup.ratio)],
  );
  const schedule = new Table({
    ...plain,
    head: ["load generator", "late p50 ms", "p99 ms", "max ms", "sent", "failed"],
  });
  for (const row of result.schedule) {
    schedule.push([
      `${row.ratePerSecond} requests/s`,
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      row.maxMs.toFixed(2),
      row.sent,
      row.failed,
    ]);
  }
  const { machine, rounds, seconds } = result;
  return [
    `${machine.platform}, ${machine.cpus} x ${machine.cpu}, Node ${machine.node}; ${rounds} alternating rounds of ${seconds} s, medians (min-max)`,
    peers.toString(),
    startup.toString(),
    schedule.toString(),
    "",
  ].join("\n");
}
