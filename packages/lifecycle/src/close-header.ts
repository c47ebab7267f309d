/** Sets `Connection: close` at the one moment that counts: when a response's headers are written. */

import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";

type HeaderArgument = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * Makes the response carry `Connection: close` if `decide` says so when its headers are written. Works for responses that
 * began long before, for explicit and implicit headers (node's implicit ones call `writeHead` too), and leaves early hints and
 * other 1xx alone, which do not pass here. What the application says about the connection is overruled: only the server knows.
 */
export function closeWithHeaders(response: ServerResponse, decide: () => boolean): void {
  const writeHead = response.writeHead;

  function writeHeadAndClose(this: ServerResponse, status: number, ...rest: unknown[]): ServerResponse {
    // 101 hands the socket to another protocol; and headers that are out already are for writeHead to complain about.
    if (status >= 200 && !this.headersSent && decide()) {
      this.setHeader("Connection", "close");
      rest = rest.map((argument) => (isHeaders(argument) ? withoutConnection(argument) : argument));
    }
    return Reflect.apply(writeHead, this, [status, ...rest]) as ServerResponse;
  }

  response.writeHead = writeHeadAndClose as ServerResponse["writeHead"];
}

function isHeaders(argument: unknown): argument is HeaderArgument {
  return typeof argument === "object" && argument !== null;
}

/** Headers come as an object, as [name, value, name, value] or as [[name, value], ...]. */
function withoutConnection(headers: HeaderArgument): HeaderArgument {
  if (!Array.isArray(headers)) {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)));
  }
  const kept: OutgoingHttpHeader[] = [];
  if (Array.isArray(headers[0])) {
    // Flattened on the way: with headers set before, as here, node's writeHead takes flat lists only.
    for (const [name, value] of headers as unknown as [string, string][]) {
      if (!isConnection(name)) {
        kept.push(name, value);
      }
    }
    return kept;
  }
  for (let i = 0; i < headers.length; i += 2) {
    const [name, value] = headers.slice(i, i + 2);
    if (!isConnection(name) && name !== undefined && value !== undefined) {
      kept.push(name, value);
    }
  }
  return kept;
}

function isConnection(name: unknown): boolean {
  // keep-alive only explains `Connection: keep-alive` and would contradict the close.
  return typeof name === "string" && /^(connection|keep-alive)$/i.test(name);
}
