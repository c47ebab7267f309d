/** What the fleets are handed: the program, and what its environment says. The fleet itself knows no app. */
import { catalogueEnvironment, defaultSystem, fleetSettings, serviceEnvironment } from "@holdfast/experiments";
import type { ReplicaCommand, ReplicaSpec } from "@holdfast/fleet";

/** The service's command line, without its environment. */
export function serviceCommand(bundle: string): string[] {
  // A small young generation: the same throughput, and three quarters of the memory, of which every replica here takes its own.
  return [process.execPath, "--max-semi-space-size=4", bundle];
}

export interface ReplicaCommandsOptions {
  bundle: string;
  /** Known once the upstream's balancer listens. */
  stockUrl: () => string;
  /** Event-loop utilisation, 0..1, above which the catalogue sheds; 1 = never. */
  shedAbove: number;
}

/** How `start` runs a replica of each service: as the experiments do, but for what people watch and a lab must not. */
export function replicaCommands(opts: ReplicaCommandsOptions): {
  catalogue: (spec: ReplicaSpec) => ReplicaCommand;
  stock: (spec: ReplicaSpec) => ReplicaCommand;
} {
  const command = serviceCommand(opts.bundle);
  const environment = (spec: ReplicaSpec) => ({ NODE_ENV: "production", ...serviceEnvironment(spec, defaultSystem) });
  return {
    catalogue: (spec) => ({
      command,
      env: {
        ...environment(spec),
        ...catalogueEnvironment(defaultSystem),
        SHED_ABOVE: String(opts.shedAbove),
        STOCK_URL: opts.stockUrl(),
      },
    }),
    stock: (spec) => ({ command, env: { ...environment(spec), SERVICE_ROLE: "stock", SHED_ABOVE: "1" } }),
  };
}

/** What the experiments' own system says of the platform, so that what is shown here is what is proved there. */
export function platformOptions(): ReturnType<typeof fleetSettings> {
  return fleetSettings(defaultSystem);
}
