/** A receiver of OTLP/HTTP traces: it reads the protobuf messages of each export by their field numbers. */
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root span. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 2 server, 3 client. */
  readonly kind: number;
  readonly startEpochMs: number;
  readonly endEpochMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
  /** 2 is error. */
  readonly statusCode: number;
  readonly events: readonly string[];
}

export interface OtlpSink {
  readonly url: string;
  readonly port: number;
  readonly spans: readonly ReceivedSpan[];
  readonly exports: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Status code of every answer from now on. */
  answerWith: number;
  /** Resolves at the next export that is answered. */
  nextExport(): Promise<void>;
}

type Field = number | bigint | Buffer;
type Message = Map<number, Field[]>;

/** https://protobuf.dev/programming-guides/encoding/ */
function decode(bytes: Buffer): Message {
  const message: Message = new Map();
  let at = 0;
  function varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }
  function value(wireType: number): Field {
    if (wireType === 0) return varint();
    if (wireType === 2) {
      const length = varint();
      at += length;
      return bytes.subarray(at - length, at);
    }
    if (wireType !== 1 && wireType !== 5) throw new Error(`Unknown wire type ${wireType}`);
    at += wireType === 1 ? 8 : 4;
    return wireType === 1 ? bytes.readBigUInt64LE(at - 8) : bytes.readUInt32LE(at - 4);
  }
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    message.set(field, [...(message.get(field) ?? []), value(tag % 8)]);
  }
  return message;
}

const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).map((value) => decode(value as Buffer));
const bytesOf = (message: Message, field: number): Buffer => (message.get(field)?.[0] ?? Buffer.alloc(0)) as Buffer;
const textOf = (message: Message, field: number): string => bytesOf(message, field).toString("utf8");
const millisecondsOf = (message: Message, field: number): number => Number(message.get(field)?.[0] ?? 0) / 1e6;

function attributesOf(message: Message, field: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(message, field).map((pair) => {
      const value = messages(pair, 2)[0] ?? new Map();
      return [textOf(pair, 1), value.has(1) ? textOf(value, 1) : Number(value.get(3)?.[0])];
    }),
  );
}

/** opentelemetry/proto/collector/trace/v1/trace_service.proto and trace/v1/trace.proto */
function readSpans(body: Buffer): ReceivedSpan[] {
  return messages(decode(body), 1).flatMap((resourceSpans) => {
    const resource = messages(resourceSpans, 1).map((found) => attributesOf(found, 1))[0] ?? {};
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        traceId: bytesOf(span, 1).toString("hex"),
        spanId: bytesOf(span, 2).toString("hex"),
        traceState: textOf(span, 3),
        parentSpanId: bytesOf(span, 4).toString("hex"),
        name: textOf(span, 5),
        kind: Number(span.get(6)?.[0] ?? 0),
        startEpochMs: millisecondsOf(span, 7),
        endEpochMs: millisecondsOf(span, 8),
        attributes: attributesOf(span, 9),
        resource,
        statusCode: Number(messages(span, 15)[0]?.get(3)?.[0] ?? 0),
        events: messages(span, 11).map((event) => textOf(event, 2)),
      }));
  });
}

export async function startOtlpSink(): Promise<OtlpSink> {
  const spans: ReceivedSpan[] = [];
  const exports: { path: string; headers: IncomingHttpHeaders }[] = [];
  const answered = new EventEmitter();
  const server = createServer(async function receive(req, res) {
    const body = await buffer(req);
    exports.push({ path: req.url ?? "", headers: req.headers });
    if (sink.answerWith === 200) spans.push(...readSpans(body));
    res.on("close", () => answered.emit("export"));
    res.writeHead(sink.answerWith, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const sink: OtlpSink = {
    url: `http://127.0.0.1:${port}`,
    port,
    spans,
    exports,
    answerWith: 200,
    async nextExport() {
      await once(answered, "export");
    },
  };
  return sink;
}
