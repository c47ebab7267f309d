export { createFleet } from "./fleet.ts";
export type { Fleet, RollOutOptions } from "./fleet.ts";
export type {
  FleetOptions,
  ProbeOptions,
  ProbesOptions,
  ReplicaCommand,
  ReplicaSpec,
  RestartBackoffOptions,
  RolloutOptions,
} from "./options.ts";
export type { EndReason, FleetEvent, FleetListener, ProbeName, RolloutOutcome } from "./events.ts";
export type { ReplicaState, ReplicaStatus } from "./replica.ts";
export type { Exit } from "./process.ts";
export { FleetError } from "./errors.ts";
export type { FleetErrorCode } from "./errors.ts";
