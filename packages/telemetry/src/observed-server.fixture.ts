/** An observed HTTP server in the test's own process, whose log lines can be awaited. */
import { EventEmitter, once } from "node:events";
import { createServer, type RequestListener, type ServerOptions } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Writable } from "node:stream";
import { onTestFinished } from "vitest";
import { startTelemetry, type ObserveOptions, type Telemetry, type TelemetryOptions } from "./index.ts";

export interface LogLine {
  readonly seq: number;
  readonly level: string;
  readonly msg: string;
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly [field: string]: unknown;
}

export interface ObservedServer {
  readonly port: number;
  readonly telemetry: Telemetry;
  /** Log lines so far, and those of them that are access lines. */
  readonly lines: readonly LogLine[];
  access(): LogLine[];
  /** Resolves as soon as `check` holds, asked after each write of the log. */
  untilLog(check: () => boolean): Promise<void>;
  metrics(): Promise<string>;
  /** The value of a metric without labels. */
  metric(name: string): Promise<number>;
  /** Ends server and telemetry; done at the test's end at the latest. */
  close(): Promise<void>;
}

export interface StartObservedOptions {
  readonly telemetry?: Partial<TelemetryOptions>;
  readonly server?: ServerOptions;
  readonly observe?: ObserveOptions;
}

const LOG_DEADLINE_MS = 15_000;

export async function startObserved(
  makeApp: (telemetry: Telemetry) => RequestListener,
  opts: StartObservedOptions = {},
): Promise<ObservedServer> {
  const lines: LogLine[] = [];
  const written = new EventEmitter();
  const destination = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      for (const line of chunk.split("\n").slice(0, -1)) lines.push(JSON.parse(line) as LogLine);
      written.emit("lines");
      done();
    },
  });
  const telemetry = startTelemetry({
    serviceName: "test",
    serviceVersion: "0",
    instanceId: "test-1",
    destination,
    ...opts.telemetry,
  });
  await telemetry.ready;
  const server = createServer(opts.server ?? {}, telemetry.observe(makeApp(telemetry), opts.observe));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= endAll();
    return closing;
  }
  async function endAll(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await telemetry.close();
  }
  onTestFinished(close);

  async function metrics(): Promise<string> {
    return (await telemetry.render({ headers: {} })).body;
  }

  return {
    port: (server.address() as AddressInfo).port,
    telemetry,
    lines,
    access: () => lines.filter((line) => line.msg === "request"),
    async untilLog(check) {
      const signal = AbortSignal.timeout(LOG_DEADLINE_MS);
      while (!check()) await once(written, "lines", { signal });
    },
    metrics,
    async metric(name) {
      return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await metrics())?.[1]);
    },
    close,
  };
}

export interface RawClient {
  readonly socket: Socket;
  /** What came so far, byte for byte as characters. */
  readonly received: string;
  /** Resolves as soon as `check` holds for what came, or the connection is closed. */
  until(check: (received: string) => boolean): Promise<void>;
}

/** A connection on which any bytes can be sent; strings go as latin1. */
export async function connectRaw(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setEncoding("latin1");
  socket.on("error", () => undefined);
  let received = "";
  const changed = new EventEmitter();
  socket.on("data", (data: string) => {
    received += data;
    changed.emit("change");
  });
  socket.on("close", () => changed.emit("change"));
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return {
    socket,
    get received() {
      return received;
    },
    async until(check) {
      while (!check(received) && !socket.closed) await once(changed, "change");
    },
  };
}

/** A request as text, without a body unless it is given. */
export function requestText(target: string, headers: Readonly<Record<string, string>> = {}, body = ""): string {
  const [method, path] = target.split(" ", 2);
  const all = { host: "test", ...(body !== "" && { "content-length": String(body.length) }), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n${body}`;
}

export function countResponses(received: string): number {
  return received.split("HTTP/1.1 ").length - 1;
}
