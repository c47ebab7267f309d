/** Throughput, CPU a request and memory under load of the peers, in alternating rounds of closed-loop load. */
import path from "node:path";
import autocannon from "autocannon";
import type { Peer, PeerName } from "./peers.ts";
import { startServer } from "./server-process.ts";

export interface Round {
  requestsPerSecond: number;
  cpuMicrosPerRequest: number;
  rssMebibytes: number;
}

export interface ThroughputOptions {
  peers: Peer[];
  rounds: number;
  seconds: number;
  workDir: string;
  onRound: (line: string) => void;
}

/** Sockets that are always busy. Enough to keep one core full, few enough that the answers are not a queue. */
const CONNECTIONS = 20;
/** Before a round counts: the compiler has to have seen the code. */
const WARM_UP_SECONDS = 1;

/**
 * Runs every peer once a round, the order rotating, so that no peer always has the machine's better moment.
 * @throws Error when a peer gives an answer that is not a 200: such a round would flatter it.
 */
export async function measureThroughput(opts: ThroughputOptions): Promise<Record<PeerName, Round[]>> {
  const { peers, rounds, onRound } = opts;
  const results: Record<PeerName, Round[]> = { bare: [], tuned: [], holdfast: [], usual: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < peers.length; turn += 1) {
      const peer = peers[(round + turn) % peers.length];
      if (!peer) continue;
      const result = await measureOnce(peer, opts);
      results[peer.name].push(result);
      onRound(`round ${round + 1}/${rounds}  ${peer.name}: ${Math.round(result.requestsPerSecond)} requests/s`);
    }
  }
  return results;
}

async function measureOnce(peer: Peer, opts: ThroughputOptions): Promise<Round> {
  const logFile = path.join(opts.workDir, `${peer.name}.log`);
  await using server = await startServer({ ...peer, logFile });
  const url = `${server.url}/api/products/42`;
  await autocannon({ url, connections: CONNECTIONS, duration: WARM_UP_SECONDS });
  const before = await server.usage();
  const load = await autocannon({ url, connections: CONNECTIONS, duration: opts.seconds });
  const after = await server.usage();
  const answered = load["2xx"];
  if (answered === 0 || load.non2xx > 0 || load.errors > 0) {
    throw new Error(`${peer.title} answered ${answered} requests, and ${load.non2xx + load.errors} went wrong.`);
  }
  return {
    requestsPerSecond: answered / load.duration,
    cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / answered,
    rssMebibytes: after.rssBytes / 2 ** 20,
  };
}
