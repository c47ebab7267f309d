/** Logs, metrics and traces of a service, and the contract that names them. */
export { contract } from "./contract.ts";
export type { ContractMetric, LabelDefinition, MetricDefinition } from "./contract.ts";
export { startTelemetry } from "./telemetry.ts";
export type {
  ClientCall,
  Counter,
  Exposition,
  Gauge,
  Histogram,
  LogFilesOptions,
  LogLevel,
  Metrics,
  ObserveOptions,
  Telemetry,
  TelemetryOptions,
  TraceIds,
  TracesOptions,
} from "./types.ts";
export type { Logger } from "pino";
