/** A POST of JSON to the API server. `kubectl create --raw` says no Content-Type, and whoever reads JSON may insist on one. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { ClusterError } from "./errors.ts";

/** Of `kubectl config view --raw --minify -o json`: the one context that was asked for. */
export interface KubeconfigView {
  readonly clusters: readonly { readonly cluster: { server: string; "certificate-authority-data"?: string } }[];
  readonly users: readonly { readonly user: { "client-certificate-data"?: string; "client-key-data"?: string } }[];
}

const defaultTimeoutMs = 30_000;

/** @returns the answer's body. @throws ClusterError TOOL_FAILED for any answer but 200..299, or for none; ABORTED */
export async function postJson(
  view: KubeconfigView,
  opts: { path: string; body: string; what: string; timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
): Promise<string> {
  const { path, body, what, timeoutMs = defaultTimeoutMs, signal } = opts;
  const cluster = view.clusters[0]?.cluster;
  const user = view.users[0]?.user ?? {};
  if (cluster === undefined)
    throw new ClusterError("TOOL_FAILED", `Could not ${what}: the kubeconfig names no cluster.`);
  const url = new URL(path, cluster.server);
  const decoded = (data: string | undefined) => (data === undefined ? undefined : Buffer.from(data, "base64"));
  const request: RequestOptions = {
    method: "POST",
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
    ca: decoded(cluster["certificate-authority-data"]),
    cert: decoded(user["client-certificate-data"]),
    key: decoded(user["client-key-data"]),
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const send = url.protocol === "http:" ? httpRequest : httpsRequest;
  send(url, request, (answer) => {
    let text = "";
    answer.setEncoding("utf8");
    answer.on("data", (more: string) => (text += more));
    answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    answer.on("error", reject);
  })
    .on("error", reject)
    .end(body);
  const { status, text } = await promise.catch((error: Error) => {
    if (signal?.aborted) throw new ClusterError("ABORTED", `Stopped while trying to ${what}.`, { cause: error });
    throw new ClusterError("TOOL_FAILED", `Could not ${what}: POST ${path} had no answer (${error.message}).`, {
      cause: error,
    });
  });
  if (status >= 200 && status < 300) return text;
  throw new ClusterError(
    "TOOL_FAILED",
    `Could not ${what}: POST ${path} was answered ${status}. It said: ${text.slice(0, 500)}`,
  );
}
