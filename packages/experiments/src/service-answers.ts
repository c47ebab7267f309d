/** What the lab asks a service itself, beside the load: as a client, and what its admin port answers. */
import { request } from "undici";
import { ExperimentError } from "./errors.ts";
import type { Target } from "./target.ts";

/** A client's patience in the verification of a rollback: the longest request of the service. */
const ASK_TIMEOUT_MS = 10_000;

/** One request through the Service, over a connection of its own, so that every ask is balanced anew. */
export async function askService(url: string): ReturnType<Target["ask"]> {
  const answer = await request(url, { reset: true, headersTimeout: ASK_TIMEOUT_MS, bodyTimeout: ASK_TIMEOUT_MS });
  await answer.body.dump();
  const servedBy = answer.headers["x-served-by"];
  return {
    status: answer.statusCode,
    degraded: answer.headers["x-degraded"] !== undefined,
    ...(typeof servedBy === "string" ? { servedBy } : {}),
  };
}

/** GET /faults answers `{ "active": [{ "fault": ... }, ...] }`. */
export function faultNames(text: string): string[] {
  const body: unknown = JSON.parse(text);
  if (!isRecord(body) || !Array.isArray(body["active"])) {
    throw new ExperimentError(
      "TARGET_FAILED",
      `GET /faults was answered with something else than the active faults: ${text.slice(0, 300)}`,
    );
  }
  return body["active"].map((entry: unknown) => (isRecord(entry) ? String(entry["fault"]) : String(entry)));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
