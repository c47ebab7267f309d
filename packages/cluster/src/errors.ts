/**
 * What can go wrong around a cluster. Every message is one or more sentences for the person who must act: what was tried, what was found,
 * what to do. The code is stable, the wording is not.
 */
export type ClusterErrorCode =
  /** The caller asked for what cannot be: a name Kubernetes would refuse, a shape file that is none. */
  | "BAD_OPTIONS"
  /** This machine lacks something that a cluster needs; the message lists all of it. */
  | "PREFLIGHT"
  /** Nothing but ports stands in the way. */
  | "PORT_TAKEN"
  /** The bundle misses a file, or a file in it is not what bundle.json says. */
  | "BUNDLE_INVALID"
  /** No cluster of that name. */
  | "CLUSTER_ABSENT"
  /** A cluster or a container of that name exists and does not bear our mark: nothing touches it. */
  | "CLUSTER_FOREIGN"
  /** It is ours, but `up` did not come to its end or something in it has stopped. */
  | "CLUSTER_HALF_MADE"
  /** It is ours and whole, but not what was asked for, and cannot become it without being made anew. */
  | "CLUSTER_DIFFERS"
  /** An image is neither here nor in the bundle. */
  | "IMAGE_MISSING"
  /** A program is not there. */
  | "TOOL_MISSING"
  /** A program that we ran ended with an error; the message ends with its last lines. */
  | "TOOL_FAILED"
  /** A program of the platform (VictoriaLogs, Prometheus ...) does not answer. */
  | "PLATFORM_AWAY"
  /** Something did not happen in time. */
  | "TIMEOUT"
  /** The caller's signal said stop. */
  | "ABORTED";

export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, opts?: ErrorOptions) {
    super(message, opts);
    this.code = code;
  }
}
