import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ownLag } from "./counting.ts";
import { isFailed, type Spread } from "./ledger.ts";
import { startLoad } from "./load-run.ts";
import { spread } from "./spread.ts";

/** How late requests were sent, in ms. */
export interface ScheduleError extends Spread {
  ratePerSecond: number;
  sent: number;
  failed: number;
  /** The agent's CPU time a request, in microseconds, its start included. */
  cpuMicrosPerRequest: number;
}

/**
 * Runs the agent against a small server in this process and says how late it sent: for the bench.
 * Half of the requests open connections of their own, as in the lab.
 */
export async function measureScheduleError(opts: {
  ratePerSecond: number;
  durationMs: number;
  persistentSockets?: number;
}): Promise<ScheduleError> {
  const server = createServer((_request, response) => response.setHeader("content-length", 2).end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const dir = await mkdtemp(join(tmpdir(), "holdfast-load-"));
  try {
    const run = startLoad(
      {
        url: `http://127.0.0.1:${port}`,
        ratePerSecond: opts.ratePerSecond,
        durationMs: opts.durationMs,
        persistentSockets: opts.persistentSockets ?? 50,
        requests: [{ name: "ok", path: "/", weight: 1 }],
      },
      { ledgerFile: join(dir, "ledger.jsonl") },
    );
    const { requests, end } = await run.ended;
    return {
      ratePerSecond: opts.ratePerSecond,
      sent: requests.length,
      failed: requests.filter(({ fate }) => isFailed(fate)).length,
      cpuMicrosPerRequest: Math.round(((end?.cpuMs ?? 0) * 1_000) / Math.max(1, requests.length)),
      ...spread(requests.map(ownLag)),
    };
  } finally {
    server.close();
    server.closeAllConnections();
    await rm(dir, { recursive: true, force: true });
  }
}
