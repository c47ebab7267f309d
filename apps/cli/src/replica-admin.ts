/** What we ask of a replica on its admin port: how much it has answered, and to misbehave for a while. */
import { request } from "undici";
import { CliError, messageOf } from "./cli-error.ts";

/** A replica that is stuck must not hold up the picture of the others. */
const TIMEOUT_MS = 800;
/** Of the metric contract: the histogram's count is the number of requests. */
const COUNT = /^http_server_request_duration_seconds_count(?:\{[^}]*\})? (\S+)/;
const SHEDDING = /^lifecycle_state\{[^}]*state="shedding"[^}]*\} 1$/m;

/** What a replica says of itself. */
export interface Vitals {
  /** Over the life of its process. */
  requests: number;
  /** It turns away what is too much for it, and is ready all the same. */
  shedding: boolean;
}

/** Asks a replica, or undefined when it does not say. */
export async function readVitals(adminPort: number): Promise<Vitals | undefined> {
  try {
    const { status, text } = await ask(adminPort, { method: "GET", path: "/metrics" });
    return status === 200 ? vitalsOf(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Requests are the sum over all routes, methods and statuses. Pure. */
export function vitalsOf(exposition: string): Vitals {
  return {
    requests: exposition.split("\n").reduce((sum, line) => sum + Number(COUNT.exec(line)?.[1] ?? 0), 0),
    shedding: SHEDDING.test(exposition),
  };
}

/** A fault, its time to live, and its parameters, as POST /faults takes them. */
export interface Fault {
  fault: string;
  ttlSeconds: number;
  [parameter: string]: string | number;
}

/** Switches a fault on. Throws a CliError with the code FAULT_REFUSED and the replica's own words. */
export async function addFault(adminPort: number, fault: Fault): Promise<void> {
  await change(adminPort, { method: "POST", path: "/faults", body: JSON.stringify(fault) });
}

/** Switches every fault off. */
export async function clearFaults(adminPort: number): Promise<void> {
  await change(adminPort, { method: "DELETE", path: "/faults" });
}

interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: string;
}

async function change(adminPort: number, call: Call): Promise<void> {
  const answer = await ask(adminPort, call).catch((error: unknown) => ({ status: 0, text: messageOf(error) }));
  if (answer.status >= 200 && answer.status < 300) return;
  throw new CliError(
    `The replica at http://127.0.0.1:${adminPort} refused ${call.method} ${call.path}: ${answer.text}`,
    { code: "FAULT_REFUSED" },
  );
}

async function ask(adminPort: number, call: Call): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(`http://127.0.0.1:${adminPort}${call.path}`, {
    method: call.method,
    ...(call.body === undefined ? {} : { body: call.body, headers: { "content-type": "application/json" } }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { status: statusCode, text: await body.text() };
}
