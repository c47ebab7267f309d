/**
 * A target in the test's own process: one replica behind a real port, for what is the engine's alone. A fleet's five
 * processes take a second of processor time to start, several fleets at once all of the machine.
 */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Replica, ServiceName, Target, TargetFactory } from "./target.ts";

/** `stuckFault`: one that nothing clears. */
export function targetHere(opts: { stuckFault?: string } = {}): TargetFactory {
  return {
    name: "fleet",
    // oxlint-disable-next-line require-await -- as a real one
    create: async () => createTarget(opts.stuckFault),
  };
}

function createTarget(stuckFault: string | undefined): Target {
  const faults = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(request.method === "POST" ? 201 : 200, { "x-served-by": "catalogue-here" }).end("{}\n");
  });
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const unsuited = () => Promise.reject(new Error("there is but one replica, and it stays"));
  const replicaOf = (service: ServiceName): Replica => ({
    service,
    name: `${service}-here`,
    version: "1.0.0",
    state: "ready",
    ready: true,
    restarts: 0,
  });

  /* oxlint-disable require-await -- as a real one */
  return {
    name: "fleet",
    load: {
      get url() {
        return url();
      },
    },
    async start() {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    },
    replicas: async (service) => [replicaOf(service)],
    settled: async () => {},
    nodes: async () => [],
    fault: async (_replica, { fault }) => void faults.add(fault),
    faults: async ({ service }) => (service === "catalogue" ? [...faults] : []),
    clearFaults: async () => clear(),
    metrics: async () => [],
    async ask(path) {
      const answer = await fetch(`${url()}${path}`, { headers: { connection: "close" } });
      await answer.text();
      return { status: answer.status, degraded: false };
    },
    on: () => () => {},
    versions: async () => ({ service: "1.0.0" }),
    repair: async () => clear(),
    async stop() {
      server.closeAllConnections();
      server.close();
    },
    collectLogs: async () => {},
    rollOut: unsuited,
    scale: unsuited,
    kill: unsuited,
    end: unsuited,
    loseNode: unsuited,
    returnNode: unsuited,
  };
  /* oxlint-enable require-await */

  function clear(): void {
    for (const fault of faults) if (fault !== stuckFault) faults.delete(fault);
  }
}
