/** A target for tests, on real sockets: each path misbehaves in its own way. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Target {
  url: string;
  server: Server;
  /** Every request that came, in order. */
  seen: IncomingMessage[];
  /** Connections that were ever opened. */
  readonly connections: number;
  close(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const answers: Record<string, Answer> = {
  "/ok": (_, response) => whole(response),
  "/degraded": (_, response) => whole(response.setHeader("x-degraded", "stock")),
  "/head": (_, response) => whole(response),
  "/no-content": (_, response) => response.writeHead(204).end(),
  "/chunked": (_, response) => {
    response.write("he");
    response.end("llo");
  },
  "/slow": (_, response) => setTimeout(whole, 300, response),
  "/close": (_, response) => whole(response.setHeader("connection", "close")),
  "/missing": (_, response) => whole(response.writeHead(404)),
  "/unavailable": (_, response) => whole(response.writeHead(503)),
  "/shed": (_, response) => whole(response.writeHead(503, { "retry-after": "1" })),
  "/hang": () => undefined,
  "/hang-in-body": (_, response) => response.writeHead(200, { "content-length": 10 }).write("hello"),
  "/reset": ({ socket }) => socket.resetAndDestroy(),
  "/hang-up": ({ socket }) => socket.end(),
  "/cut": (_, response) => cut(response.writeHead(200, { "content-length": 10 })),
  "/cut-chunked": (_, response) => cut(response.writeHead(200)),
  "/cut-by-reset": (_, response) => {
    response.writeHead(200, { "content-length": 10 });
    response.write("hello", () => response.socket?.resetAndDestroy());
  },
  "/no-length": ({ socket }) => socket.end("HTTP/1.1 200 OK\r\n\r\nhello"),
  "/no-http": ({ socket }) => socket.end("220 mail ready\r\n\r\n"),
};

function whole(response: ServerResponse): void {
  response.end("hello");
}

function cut(response: ServerResponse): void {
  response.write("hello", () => response.socket?.end());
}

/** `servedBy` is what it says its name is. */
export async function startTarget(opts: { answer?: Answer; servedBy?: string } = {}): Promise<Target> {
  const seen: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    seen.push(request);
    if (opts.servedBy !== undefined) response.setHeader("x-served-by", opts.servedBy);
    const answer = opts.answer ?? answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  server.on("connection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    get connections() {
      return connections;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
