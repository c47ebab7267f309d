/** The sockets of one server and the requests on them: how many there are, and how they come to an end without a loss. */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { closeWithHeaders } from "./close-header.ts";
import { drawLimits } from "./connection-age.ts";
import type { ConnectionLimits } from "./connection-age.ts";
import type { Settings } from "./options.ts";
import { problemBody, problemOf, PROBLEM_TYPE, rawProblem } from "./problem.ts";
import type { Problem } from "./problem.ts";

/**
 * A client sends its first request right behind the handshake. 50 ms cover a slow round trip inside a cluster; a socket that
 * said nothing for longer is a spare one, which nobody misses.
 */
const FIRST_REQUEST_MS = 50;

/**
 * After the answer to a malformed request the socket is read, and what comes is dropped, for at most this long: closing while
 * the client still sends would make its kernel throw the answer away (RFC 9112, 9.6).
 */
const LINGER_MS = 500;

export interface Connections {
  /** Open sockets. */
  readonly count: number;
  /** Sockets ever accepted. */
  readonly accepted: number;
  /** Requests that have no complete answer yet. */
  readonly inFlight: number;
  /**
   * Takes over the server's sockets and requests; to be called once, before it listens. With `requireHost` an HTTP/1.1 request
   * without a Host header is refused (RFC 9112, 3.2).
   */
  attach(server: Server, opts: { handler: RequestListener; requireHost: boolean }): void;
  /** From now on each socket's last response carries `Connection: close`, responses of requests that began before included. */
  announce(): void;
  /** Closes every idle socket now, every other one when its last response is out. Announces, too. */
  retire(): void;
  /** Closes everything now. */
  destroy(): void;
  /** Resolves when there is no socket (at once when there is none now). */
  empty(): Promise<void>;
}

interface Connection {
  readonly socket: Socket;
  readonly limits: ConnectionLimits;
  readonly openedMs: number;
  requests: number;
  /** Responses that are not complete, in the order of their requests: more than one only with pipelining. */
  readonly open: ServerResponse[];
  /** The response of the request that came last; forgotten when both are complete, since idle sockets are many. */
  latest: ServerResponse | undefined;
  /** `Connection: close` is written: nothing that comes later on this socket is processed (RFC 9112, 9.6). */
  final: boolean;
  malformed: boolean;
  /** What had been read when the socket was last seen without a request; more means that one is coming in. */
  bytesAtRest: number;
}

export function createConnections(limits: Settings["connection"]): Connections {
  const connections = new Map<Socket, Connection>();
  let inFlight = 0;
  let accepted = 0;
  let announced = false;
  let retired = false;
  let emptied = Promise.withResolvers<void>();

  function onConnection(socket: Socket): void {
    accepted += 1;
    connections.set(socket, {
      socket,
      limits: drawLimits(limits, Math.random),
      openedMs: performance.now(),
      requests: 0,
      open: [],
      latest: undefined,
      final: false,
      malformed: false,
      bytesAtRest: 0,
    });
    socket.on("close", onSocketClose);
  }

  // The one place where aborted requests end: a response that waits behind another one on its socket never emits `close`.
  function onSocketClose(this: Socket): void {
    const connection = connections.get(this);
    if (connection === undefined) {
      return;
    }
    connections.delete(this);
    inFlight -= connection.open.length;
    if (connections.size === 0) {
      emptied.resolve();
      emptied = Promise.withResolvers();
    }
  }

  function onResponseClose(this: ServerResponse): void {
    const connection = connections.get(this.req.socket);
    if (connection === undefined) {
      return; // counted when its socket closed
    }
    const index = connection.open.indexOf(this);
    if (index === -1) {
      return;
    }
    connection.open.splice(index, 1);
    inFlight -= 1;
    if (connection.latest === this && this.req.complete) {
      connection.latest = undefined;
    }
    if (announced && connection.open.length === 0) {
      connection.bytesAtRest = connection.socket.bytesRead;
      if (retired) {
        // Its headers were out before the announcement, so the client was not told.
        connection.socket.destroySoon();
      }
    }
  }

  function accept(request: IncomingMessage, response: ServerResponse, handler: RequestListener) {
    const connection = connections.get(request.socket);
    if (connection === undefined || connection.final) {
      return; // the client has been told that this request is not processed, so it may repeat it elsewhere
    }
    connection.requests += 1;
    connection.open.push(response);
    connection.latest = response;
    inFlight += 1;
    response.on("close", onResponseClose);

    if (!announced && !isDue(connection)) {
      handler(request, response);
      return;
    }
    closeAfter(connection, response);
    // Requests that were pipelined are parsed first, so that the close goes onto the last of them and all are answered.
    setImmediate(() => {
      if (!request.socket.destroyed) {
        handler(request, response);
      }
    });
  }

  function closeAfter(connection: Connection, response: ServerResponse): void {
    closeWithHeaders(response, () => {
      if (connection.latest !== response) {
        return false;
      }
      connection.final = true;
      return true;
    });
  }

  function announce(): void {
    if (announced) {
      return;
    }
    announced = true;
    for (const connection of connections.values()) {
      for (const response of connection.open) {
        closeAfter(connection, response);
      }
      if (connection.requests > 0 && connection.open.length === 0) {
        connection.bytesAtRest = connection.socket.bytesRead;
      }
    }
  }

  function retireIdle(connection: Connection): void {
    const { socket, open, requests, openedMs } = connection;
    if (socket.destroyed || open.length > 0 || connection.final) {
      return; // it ends by itself
    }
    if (socket.bytesRead > connection.bytesAtRest) {
      return; // a request is coming in: it will be answered, or timed out
    }
    const graceMs = requests > 0 ? 0 : FIRST_REQUEST_MS - (performance.now() - openedMs);
    if (graceMs > 0) {
      // Behind the timer one more turn, which reads what came while the event loop was late.
      setTimeout(() => setImmediate(retireIdle, connection), graceMs);
    } else {
      socket.destroy();
    }
  }

  function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = connections.get(socket);
    if (connection?.malformed === true) {
      return; // what follows a malformed request is noise
    }
    const problem = problemOf(error);
    const silent = socket.bytesRead === 0; // an answer to no request would be taken for that of the first one, crossing it
    if (connection === undefined || problem === undefined || !socket.writable || silent) {
      socket.destroy();
      return;
    }
    connection.malformed = true;
    connection.final = true;
    // The last request may be the malformed one itself, when its body broke.
    const { latest } = connection;
    const broken = latest?.req.complete === false ? latest : undefined;
    answerMalformed(connection, { problem, broken });
  }

  function answerMalformed(
    connection: Connection,
    opts: { problem: Problem; broken: ServerResponse | undefined },
  ): void {
    const { socket, open } = connection;
    const before = open.find((response) => response !== opts.broken);
    if (before !== undefined) {
      // Requests before it are answered first, else they would take this answer for theirs.
      before.once("close", () => answerMalformed(connection, opts));
      return;
    }
    if (!socket.writable) {
      return; // closed meanwhile, which answers a malformed request as well
    }
    if (opts.broken?.headersSent === true) {
      socket.destroySoon(); // half an answer is out, nothing right can follow
      return;
    }
    socket.end(rawProblem(opts.problem));
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  return {
    get count() {
      return connections.size;
    },
    get accepted() {
      return accepted;
    },
    get inFlight() {
      return inFlight;
    },
    attach(server, { handler, requireHost }) {
      server.on("connection", onConnection);
      server.on("request", (request: IncomingMessage, response: ServerResponse) => {
        const hostMissing = requireHost && request.headers.host === undefined && request.httpVersion === "1.1";
        accept(request, response, hostMissing ? refuseWithoutHost : handler);
      });
      server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
        accept(request, response, refuseExpectation);
      });
      server.on("connect", refuseConnect);
      server.on("clientError", onClientError);
    },
    announce,
    retire() {
      announce();
      retired = true;
      for (const connection of connections.values()) {
        retireIdle(connection);
      }
    },
    destroy() {
      for (const socket of connections.keys()) {
        socket.destroy();
      }
    },
    empty() {
      return connections.size === 0 ? Promise.resolve() : emptied.promise;
    },
  };
}

function isDue(connection: Connection): boolean {
  const { limits, requests, openedMs } = connection;
  return requests >= limits.maxRequests || performance.now() - openedMs >= limits.maxAgeMs;
}

// node:http answers these three as well, but without a document, and the last one not at all.

function refuseWithoutHost(_request: IncomingMessage, response: ServerResponse): void {
  refuse(response, { status: 400, code: "HOST_MISSING", detail: "An HTTP/1.1 request needs a Host header." });
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  refuse(response, {
    status: 417,
    code: "EXPECTATION_UNKNOWN",
    detail: "The only expectation this server meets is 100-continue.",
  });
}

function refuse(response: ServerResponse, problem: Problem): void {
  const body = problemBody(problem);
  response.writeHead(problem.status, {
    "Content-Type": PROBLEM_TYPE,
    "Content-Length": Buffer.byteLength(body),
    Connection: "close",
  });
  response.end(body);
}

function refuseConnect(_request: IncomingMessage, socket: Socket): void {
  socket.on("error", () => socket.destroy()); // node:http has taken its own listeners away
  socket.end(
    rawProblem(
      { status: 405, code: "METHOD_NOT_ALLOWED", detail: "CONNECT is for proxies, and this server is none." },
      ["Allow: "],
    ),
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
