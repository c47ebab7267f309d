import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { Fate } from "./ledger.ts";

export interface Outcome {
  fate: Fate;
  status?: number;
  servedBy?: string;
  error?: string;
}

export interface ExchangeOptions {
  /** Ours: connected, or about to be. */
  socket: Socket;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  expectStatus: number;
  servedByHeader: string;
  degradedHeader: string;
  /** From now. */
  timeoutMs: number;
  /** Called once, at the moment the fate is known. */
  onOutcome: (outcome: Outcome) => void;
  /** Called once, later or at once: node:http has let go of the socket. It may still be open. */
  onRelease: () => void;
}

/** Errors of this machine, not of the target: it ran out of ports or files. */
const OWN_LIMITS = new Set(["EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS"]);

/**
 * One request on one socket of ours, and what became of it. Never retries.
 * No http.Agent takes part (`createConnection` without `agent`): an agent would choose sockets, open new ones and close idle ones as it likes.
 */
export function exchange(opts: ExchangeOptions): void {
  const { socket } = opts;
  let connected = !socket.connecting;
  let response: IncomingMessage | undefined;
  let settled = false;

  if (!connected) socket.once("connect", () => (connected = true));

  const outgoing = request({
    createConnection: () => socket,
    setHost: false,
    method: opts.method,
    path: opts.path,
    headers: opts.headers,
  });
  const timer = setTimeout(giveUp, Math.ceil(opts.timeoutMs));

  outgoing.once("response", onResponse);
  // `on`: an error that follows the first one (a reset after the timeout's destroy) must find a listener.
  outgoing.on("error", onError);
  outgoing.once("close", onClose);
  outgoing.end(opts.body);

  function onResponse(incoming: IncomingMessage): void {
    response = incoming;
    incoming.on("error", onError);
    incoming.once("end", onBody);
    incoming.resume();
  }

  function onBody(): void {
    if (response === undefined) return;
    if (!response.complete) settle("incomplete", "CUT_SHORT");
    // A body that ends with its connection looks the same whether it was whole or the server died.
    else if (!saysItsLength(response, opts.method)) settle("incomplete", "LENGTH_UNKNOWN");
    else if (response.statusCode === opts.expectStatus) {
      settle(opts.degradedHeader in response.headers ? "degraded" : "answered");
    } else settle(response.statusCode === 503 && "retry-after" in response.headers ? "shed" : "status");
  }

  function onError(error: NodeJS.ErrnoException): void {
    const code = error.code ?? error.name;
    if (OWN_LIMITS.has(code)) settle("unsent", code);
    else if (!connected) settle("refused", code);
    // An answer that is not HTTP (HPE_...) came, but it is not a whole one.
    else settle(response !== undefined || code.startsWith("HPE_") ? "incomplete" : "reset", code);
  }

  function giveUp(): void {
    settle("timeout");
    outgoing.destroy();
  }

  function onClose(): void {
    if (response === undefined) settle("reset", "CLOSED");
    else settle("incomplete", "CUT_SHORT");
    opts.onRelease();
  }

  function settle(fate: Fate, error?: string): void {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    const servedBy = response?.headers[opts.servedByHeader];
    opts.onOutcome({
      fate,
      ...(response?.statusCode !== undefined && { status: response.statusCode }),
      ...(typeof servedBy === "string" && { servedBy }),
      ...(error !== undefined && { error }),
    });
  }
}

/** RFC 9112, section 6.3: only these ends of a body can be told from a connection that broke. */
function saysItsLength(response: IncomingMessage, method: string): boolean {
  if (method === "HEAD" || response.statusCode === 204 || response.statusCode === 304) return true;
  const { "content-length": length, "transfer-encoding": encoding } = response.headers;
  return length !== undefined || (encoding?.toLowerCase().endsWith("chunked") ?? false);
}
