/** Every way in which the fleet refuses or fails; the code is stable, the sentence is for the person who must act. */
export type FleetErrorCode =
  | "FLEET_BAD_OPTIONS"
  | "FLEET_NOT_STARTED"
  | "FLEET_ALREADY_STARTED"
  | "FLEET_STOPPED"
  | "FLEET_START_ABORTED"
  | "FLEET_START_FAILED"
  | "FLEET_PORT_TAKEN"
  | "FLEET_NO_FREE_PORT"
  | "FLEET_LOG_DIR"
  | "FLEET_BALANCER_FAILED"
  | "FLEET_UNKNOWN_REPLICA"
  | "FLEET_REPLICA_NOT_RUNNING"
  | "FLEET_PROGRESS_DEADLINE"
  | "FLEET_ROLLOUT_ABORTED"
  | "FLEET_ROLLOUT_SUPERSEDED"
  | "FLEET_ROLLOUT_PAUSED"
  | "FLEET_NO_EARLIER_REVISION"
  | "FLEET_NOT_SETTLED";

export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly code: FleetErrorCode;

  constructor(code: FleetErrorCode, message: string, opts?: ErrorOptions) {
    super(message, opts);
    this.code = code;
  }
}
