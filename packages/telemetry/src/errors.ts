/** Every mistake that this package reports by throwing; the code is stable, the sentence may improve. */
export type TelemetryErrorCode =
  | "METRIC_UNKNOWN"
  | "METRIC_TWICE"
  | "METRIC_INVALID"
  | "TRACES_OPTION_INVALID"
  | "LOG_FILES_OPTION_INVALID"
  | "LOG_FILES_UNWRITABLE";

export class TelemetryError extends Error {
  override readonly name = "TelemetryError";
  readonly code: TelemetryErrorCode;

  constructor(code: TelemetryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
