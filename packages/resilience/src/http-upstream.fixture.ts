/** A real HTTP upstream for tests, on a port of its own, and a client that speaks to it. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { DEADLINE_HEADER } from "./deadline.ts";
import type { Attempt } from "./attempt.ts";

export interface HttpUpstream {
  readonly url: string;
  readonly port: number;
  /** Every request that arrived. */
  readonly requests: IncomingMessage[];
  /** What it answers from now on. */
  answer: RequestListener;
}

export async function startHttpUpstream(answer: RequestListener): Promise<HttpUpstream> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    upstream.answer(req, res);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const upstream: HttpUpstream = { url: `http://127.0.0.1:${port}`, port, requests, answer };
  return upstream;
}

export class HttpStatusError extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(response: Response) {
    super(`HTTP ${response.status}`);
    this.status = response.status;
    const seconds = response.headers.get("retry-after");
    this.retryAfterMs = seconds === null ? undefined : Number(seconds) * 1_000;
  }
}

/** An attempt as a service makes it: signal and deadline go along, a status of 400 and more is thrown. */
export function get(url: string): Attempt<string> {
  return async function getOnce({ signal, deadline }) {
    const response = await fetch(url, { signal, headers: { [DEADLINE_HEADER]: deadline.header() } });
    const body = await response.text();
    if (!response.ok) throw new HttpStatusError(response);
    return body;
  };
}

export const answers = {
  ok: ((_req, res) => res.end("7")) satisfies RequestListener,
  failing: ((_req, res) => res.writeHead(500).end("broken")) satisfies RequestListener,
  missing: ((_req, res) => res.writeHead(404).end("no such thing")) satisfies RequestListener,
  silent: (() => {}) satisfies RequestListener,
};

/** Numbers from 0 to 1 that are the same in every run (mulberry32), so that a failure can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return function next() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
