// The balancer, a process of its own: started by balancer.ts, spoken to over IPC, in a process group of its own so that a Ctrl-C meant
// for its parent does not end it. When its parent is gone, however that happened, it ends the replicas and then itself.
import type { FromBalancer, ToBalancer } from "./balancer-protocol.ts";
import { createKubeProxy } from "./kube-proxy.ts";
import type { KubeProxy } from "./kube-proxy.ts";
import { createWatchman } from "./watchman.ts";

/** At the end, so long for the last bytes to reach slow clients. */
const closeWithinMs = 2_000;

const watchman = createWatchman();
let proxy: KubeProxy | undefined;
let graceMs = 0;
let linkDelayMs = 0;

// Only the parent ends us, by word or by its death.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("message", (message) => receive(message as ToBalancer));
process.on("disconnect", parentIsGone);

function receive(message: ToBalancer): void {
  switch (message.type) {
    case "start":
      ({ graceMs, linkDelayMs } = message);
      proxy = createKubeProxy({
        port: message.port,
        lagMs: message.lagMs,
        linkDelayMs,
        onApplied: (generation, backends) =>
          tell({ type: "applied", generation, backends, atMs: performance.timeOrigin + performance.now() }),
        onPortTaken: (error) => tell({ type: "port-taken", message: error }),
        onConnections: (open) => tell({ type: "connections", open }),
      });
      return tell({ type: "started" });
    case "endpoints":
      return proxy?.learn(message.generation, message.endpoints);
    case "watch":
      watchman.watch(message.pid);
      return tell({ type: "watching", pid: message.pid });
    case "unwatch":
      return watchman.unwatch(message.pid);
    case "stop":
      process.off("disconnect", parentIsGone);
      return void end();
    default:
      return message satisfies never;
  }
}

function tell(message: FromBalancer): void {
  // The parent may die at any moment; "disconnect" deals with it.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

async function parentIsGone(): Promise<void> {
  // Connections are carried on meanwhile, so that a replica that drains can answer what it has in flight.
  await watchman.endAll({ graceMs });
  await end();
}

async function end(): Promise<void> {
  await proxy?.close({ withinMs: closeWithinMs + linkDelayMs });
  process.exit(0);
}
