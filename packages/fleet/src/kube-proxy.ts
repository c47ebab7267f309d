import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { joinLink } from "./link.ts";
import type { Link } from "./link.ts";

/** One replica as an EndpointSlice shows it. */
export interface Endpoint {
  name: string;
  port: number;
  ready: boolean;
  /** What readiness says, whether or not it is being deleted. */
  serving: boolean;
  terminating: boolean;
}

export interface KubeProxyOptions {
  port: number;
  /** How much later than told an endpoint change works. */
  lagMs: number;
  /** One-way delay of every connection. */
  linkDelayMs: number;
  /** These backends are chosen from now on; none: connections are refused. */
  onApplied: (generation: number, backends: string[]) => void;
  /** The port is listened on by somebody else; tried again every 100 ms. */
  onPortTaken: (message: string) => void;
  onConnections: (open: Record<string, number>) => void;
  /** A number in [0, 1), Math.random by default. */
  random?: () => number;
}

export interface KubeProxy {
  /** The endpoints as they are now; they count `lagMs` later. */
  learn(generation: number, endpoints: Endpoint[]): void;
  /** Accepts nothing any more; resolves when nothing is on its way (or after `withinMs`) and everything that was open is cut. */
  close(opts: { withinMs: number }): Promise<void>;
}

/** How soon a busy port is tried again, and how often at most connection counts are told. */
const retryMs = 100;
const reportMs = 50;
/** The accept queue; kube-proxy has none, so ours must not be what overflows. The kernel caps it at somaxconn (4 096 on Linux). */
const backlog = 4096;

/**
 * A Service's port as kube-proxy (iptables mode, cluster traffic policy) makes it: a random ready endpoint for each new connection, fixed
 * for its life. A connection is never moved, retried or cut because endpoints change. While there is no endpoint the port is not listened
 * on, so that connecting is refused as by kube-proxy's REJECT rule.
 */
export function createKubeProxy(opts: KubeProxyOptions): KubeProxy {
  const random = opts.random ?? Math.random;
  const links = new Set<Link>();
  const open = new Map<string, number>();
  let backends: Endpoint[] = [];
  let server: Server | undefined;
  let retry: NodeJS.Timeout | undefined;
  let report: NodeJS.Timeout | undefined;
  let generation = 0;
  let closed = false;

  function learn(generation: number, endpoints: Endpoint[]): void {
    if (opts.lagMs === 0) apply(generation, endpoints);
    else setTimeout(() => apply(generation, endpoints), opts.lagMs);
  }

  function apply(next: number, endpoints: Endpoint[]): void {
    if (closed) return;
    generation = next;
    backends = usableEndpoints(endpoints);
    if (backends.length === 0) {
      clearTimeout(retry);
      server?.close();
      server = undefined;
    } else if (server === undefined) {
      listen();
    }
    reportApplied();
  }

  /** What is to be chosen from counts only once somebody can connect. */
  function reportApplied(): void {
    if (backends.length > 0 && server?.listening !== true) return;
    opts.onApplied(generation, backends.map(({ name }) => name).sort());
  }

  function listen(): void {
    clearTimeout(retry);
    const next = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
    server = next;
    next.on("error", (error) => {
      opts.onPortTaken(error.message);
      if (server !== next) return;
      server = undefined;
      retry = setTimeout(listen, retryMs);
    });
    next.on("listening", () => {
      if (server === next) reportApplied();
    });
    next.listen({ port: opts.port, host: "127.0.0.1", backlog });
  }

  function accept(client: Socket): void {
    const backend = backends[Math.floor(random() * backends.length)];
    if (backend === undefined) {
      client.resetAndDestroy();
      return;
    }
    count(backend.name, 1);
    const link = joinLink(client, {
      port: backend.port,
      delayMs: opts.linkDelayMs,
      onBackendClose: () => count(backend.name, -1),
      onClose: () => links.delete(link),
    });
    links.add(link);
  }

  function count(name: string, by: 1 | -1): void {
    const now = (open.get(name) ?? 0) + by;
    if (now === 0) open.delete(name);
    else open.set(name, now);
    report ??= setTimeout(() => {
      report = undefined;
      opts.onConnections(Object.fromEntries(open));
    }, reportMs);
  }

  async function close({ withinMs }: { withinMs: number }): Promise<void> {
    closed = true;
    clearTimeout(retry);
    server?.close();
    server = undefined;
    const deadlineMs = performance.now() + withinMs;
    while ([...links].some((link) => link.pending) && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const link of links) link.reset();
    clearTimeout(report);
  }

  return { learn, close };
}

/**
 * Ready endpoints; when there is none, those that are being deleted but still serve (KEP-1669).
 * Source: kubernetes, proxy/topology.go `CategorizeEndpoints`.
 */
export function usableEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}
