/** A client that owns its socket: what was sent, what came back, how it ended. */

import { connect } from "node:net";

import { onTestFinished } from "vitest";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawClient {
  write(text: string): void;
  /** Writes one GET for each path, all at once. */
  get(...paths: string[]): void;
  /** The next response (1xx included) in the order in which they came. Rejects when the socket ends before it is whole. */
  response(): Promise<RawResponse>;
  /** How the socket ended: `end` when the server closed it in order, else the error's code. */
  readonly closed: Promise<string>;
  readonly isClosed: () => boolean;
  destroy(): void;
  pause(): void;
  resume(): void;
}

/** Opens a client that is destroyed with the test that opened it. */
export async function openClient(port: number): Promise<RawClient> {
  const client = await connectClient(port);
  onTestFinished(client.destroy);
  return client;
}

/** Opens a client that ends with the process that it talks to. */
export async function connectClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  let received = Buffer.alloc(0);
  let parts: Buffer[] = [];
  let isClosed = false;
  let reason = "end";
  const hearers = new Set<() => void>();
  const hear = (): void => hearers.forEach((hearer) => hearer());

  socket.on("data", (data) => {
    parts.push(data);
    hear();
  });
  const closed = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => (reason = error.code ?? error.message));
    socket.on("close", () => {
      isClosed = true;
      resolve(reason);
      hear();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });

  return {
    write: (text) => void socket.write(text),
    get: (...paths) => void socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`).join("")),
    response: () =>
      new Promise((resolve, reject) => {
        let wantedBytes = 0;
        const hearer = (): void => {
          // Joined once for a large answer, not once for each packet.
          const bytes = parts.reduce((sum, part) => sum + part.length, received.length);
          if (bytes >= wantedBytes || isClosed) {
            received = Buffer.concat([received, ...parts]);
            parts = [];
          }
          const parsed = parse(received);
          if (typeof parsed === "object") {
            received = received.subarray(parsed.length);
            resolve(parsed.response);
          } else if (isClosed) {
            reject(new Error(`the socket ended (${reason}) before a whole response came`));
          } else {
            wantedBytes = parsed;
            return;
          }
          hearers.delete(hearer);
        };
        hearers.add(hearer);
        hearer();
      }),
    closed,
    isClosed: () => isClosed,
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

interface Parsed {
  readonly response: RawResponse;
  readonly length: number;
}

/**
 * One whole response at the start of the bytes, or how many bytes there must be for another try. Knows Content-Length and
 * chunks, which is all that node sends.
 */
function parse(bytes: Buffer): Parsed | number {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) {
    return bytes.length + 1;
  }
  const [statusLine = "", ...fields] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const headers: Record<string, string> = {};
  for (const field of fields) {
    const colon = field.indexOf(":");
    headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
  }
  const start = headEnd + 4;
  if (status < 200 || status === 204 || status === 304) {
    return { response: { status, headers, body: "" }, length: start };
  }
  if (headers["transfer-encoding"] === "chunked") {
    return parseChunks({ bytes, start, status, headers });
  }
  const length = Number(headers["content-length"] ?? "0");
  return bytes.length < start + length
    ? start + length
    : {
        response: { status, headers, body: bytes.toString("utf8", start, start + length) },
        length: start + length,
      };
}

function parseChunks(opts: {
  bytes: Buffer;
  start: number;
  status: number;
  headers: Record<string, string>;
}): Parsed | number {
  const { bytes, status, headers } = opts;
  let body = "";
  let at = opts.start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) {
      return bytes.length + 1;
    }
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) {
      return next;
    }
    if (size === 0) {
      return { response: { status, headers, body }, length: next };
    }
    body += bytes.toString("utf8", lineEnd + 2, lineEnd + 2 + size);
    at = next;
  }
}
