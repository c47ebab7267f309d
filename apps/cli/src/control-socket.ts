/**
 * How a second terminal speaks to a running `start`: one JSON line goes over a unix-domain socket, and lines come back:
 * `accepted` at once, any number of `progress`, then one `done` or `error`.
 */
import { createServer, createConnection, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT } from "@holdfast/experiments/exit-codes";
import { CliError, errorCode, messageOf } from "./cli-error.ts";

export interface ControlRequest {
  command: string;
  args?: Record<string, unknown>;
}

/** What an action ends with: a sentence for people, data for `-o json`, and the exit code of the second terminal. */
export interface ControlAnswer {
  text: string;
  result?: unknown;
  exitCode?: number;
}

type Reply =
  | { type: "accepted" }
  | { type: "progress"; text: string }
  | ({ type: "done" } & ControlAnswer)
  | { type: "error"; code: string; message: string; exitCode: number };

/** Answers a request; `progress` may be called any number of times before it resolves. Throws a CliError to refuse. */
export type ControlHandler = (
  request: ControlRequest,
  progress: (text: string) => void,
) => Promise<ControlAnswer> | ControlAnswer;

export interface ControlServer {
  /** Takes no more requests and hangs up on those who still wait, having told them why. */
  close(reason: string): Promise<void>;
}

/** A request is a few words; more is somebody else's protocol. */
const LONGEST_REQUEST_BYTES = 64 * 1024;

/** What those who wait get to hear their answer in, before they are told that there is none. */
const LAST_ANSWERS_MS = 500;

/** A start that runs accepts in milliseconds, on a busy machine in hundreds. One that is suspended never does. */
const ACCEPTED_WITHIN_MS = 3_000;

/** Listens at a path. Who may connect is decided by the mode of the directory that it is in. */
export async function serveControl(path: string, handler: ControlHandler): Promise<ControlServer> {
  const conversations = new Map<Socket, Promise<void>>();
  const server = createServer((socket) => {
    // A second terminal that was closed meanwhile: what it asked for goes on, and nobody hears the answer.
    socket.on("error", () => {});
    socket.on("close", () => conversations.delete(socket));
    conversations.set(socket, converse(socket, handler));
  });
  await listen(server, path);
  return {
    async close(reason) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.race([Promise.all(conversations.values()), sleep(LAST_ANSWERS_MS, undefined, { ref: false })]);
      for (const socket of conversations.keys()) {
        send(socket, { type: "error", code: "STOPPED", message: reason, exitCode: EXIT.couldNotRun });
        socket.destroySoon();
      }
      await closed;
    },
  };
}

async function converse(socket: Socket, handler: ControlHandler): Promise<void> {
  const send_ = (reply: Reply): void => send(socket, reply);
  try {
    const request = await readRequest(socket);
    if (!request) return;
    send_({ type: "accepted" });
    const answer = await handler(request, (text) => send_({ type: "progress", text }));
    send_({ type: "done", ...answer });
  } catch (error) {
    const exitCode = error instanceof CliError ? error.exitCode : EXIT.couldNotRun;
    send_({ type: "error", code: errorCode(error) ?? "FAILED", message: messageOf(error), exitCode });
  } finally {
    socket.end();
  }
}

function send(socket: Socket, reply: Reply): void {
  if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
}

async function readRequest(socket: Socket): Promise<ControlRequest | undefined> {
  let text = "";
  socket.setEncoding("utf8");
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.length > LONGEST_REQUEST_BYTES) throw new CliError("The request is too long.", { code: "BAD_REQUEST" });
    if (text.includes("\n")) break;
  }
  // Nothing said: somebody only looked whether we are here.
  if (text === "") return undefined;
  const request: unknown = parse(text);
  if (request && typeof request === "object" && "command" in request && typeof request.command === "string") {
    return request as ControlRequest;
  }
  throw new CliError("The request is not one JSON line with a command.", { code: "BAD_REQUEST" });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Asks the `start` that listens at a path, and waits for its answer. Throws a CliError with the code NOT_RUNNING where
 * nobody listens, NO_ANSWER where the request is not accepted in time, and with the other side's code and exit code
 * where it refuses.
 */
export async function askControl(
  path: string,
  request: ControlRequest,
  opts: { onProgress?: (text: string) => void; acceptedWithinMs?: number } = {},
): Promise<ControlAnswer> {
  const socket = await connect(path);
  socket.write(`${JSON.stringify(request)}\n`);
  const lines = createInterface({ input: socket });
  let silent = false;
  const overdue = setTimeout(() => {
    silent = true;
    lines.close();
  }, opts.acceptedWithinMs ?? ACCEPTED_WITHIN_MS);
  try {
    for await (const line of lines) {
      clearTimeout(overdue);
      const reply = parse(line) as Reply | undefined;
      switch (reply?.type) {
        case "progress":
          opts.onProgress?.(reply.text);
          break;
        case "done":
          return reply;
        case "error":
          throw new CliError(reply.message, { code: reply.code, exitCode: reply.exitCode });
        case "accepted":
        case undefined:
          break;
      }
    }
  } finally {
    clearTimeout(overdue);
    socket.destroy();
  }
  if (silent) {
    throw new CliError(
      `The running start (socket ${path}) does not answer: it may be suspended; \`fg\` it or end it.`,
      { code: "NO_ANSWER" },
    );
  }
  throw new CliError("The running start ended before it answered.", { code: "HUNG_UP" });
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.off("error", refuse);
      socket.on("error", () => socket.destroy());
      resolve(socket);
    });
    socket.once("error", refuse);

    function refuse(error: Error): void {
      const nobody = ["ENOENT", "ECONNREFUSED"].includes(errorCode(error) ?? "");
      const message = nobody ? "No start is running." : `Cannot speak to the running start: ${messageOf(error)}.`;
      reject(new CliError(message, { code: nobody ? "NOT_RUNNING" : "CONTROL_SOCKET", cause: error }));
    }
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
