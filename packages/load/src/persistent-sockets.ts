import type { Socket } from "node:net";

import type { SocketRecord } from "./ledger.ts";

/** A socket that brought no answer is replaced only after this, so that a target that closes at once is not hammered. */
const REOPEN_AFTER_MS = 100;

export interface PersistentSocket {
  readonly id: number;
  readonly socket: Socket;
  /** Set by whoever used it: it has carried an answer. */
  answered: boolean;
  /** Set by whoever used it, before it closes: it is we who close it. */
  givenUp: boolean;
}

export interface PersistentSockets {
  /** Resolves when every first socket is open or has failed. */
  start(): Promise<void>;
  /** The socket that has been idle longest, to `use`: at once if there is one, else the next to become idle. Returns how to stop waiting. */
  take(use: (taken: PersistentSocket) => void): () => void;
  /** Gives it back, open or not. */
  release(taken: PersistentSocket): void;
  /** Closes all; from here on nothing is recorded. */
  stop(): void;
}

export interface PersistentSocketsOptions {
  count: number;
  connect: () => { id: number; socket: Socket };
  connectTimeoutMs: number;
  onRecord: (record: Omit<SocketRecord, "type" | "atMs">) => void;
}

/**
 * Keeps `count` sockets open. One that closes is replaced in the background; whoever waits for an idle one goes on waiting,
 * since a new connection would be balanced to a healthy replica and hide what happened to the old one.
 */
export function createPersistentSockets(opts: PersistentSocketsOptions): PersistentSockets {
  const open = new Map<number, PersistentSocket>();
  // Sets keep the order of insertion: both are queues from which one in the middle can leave.
  const idle = new Set<PersistentSocket>();
  const waiting = new Set<(taken: PersistentSocket) => void>();
  const reopening = new Set<NodeJS.Timeout>();
  const opening = new Set<Socket>();
  let stopped = false;

  function start(): Promise<void> {
    return Promise.all(Array.from({ length: opts.count }, () => openOne())).then(() => undefined);
  }

  function openOne(): Promise<void> {
    const { id, socket } = opts.connect();
    const slot: PersistentSocket = { id, socket, answered: false, givenUp: false };
    let error: string | undefined;
    opening.add(socket);
    const timer = setTimeout(() => {
      slot.givenUp = true;
      socket.destroy();
    }, opts.connectTimeoutMs);

    return new Promise((resolve) => {
      socket.on("error", (raised: NodeJS.ErrnoException) => (error = raised.code ?? raised.name));
      socket.once("connect", function onConnect() {
        clearTimeout(timer);
        opening.delete(socket);
        open.set(id, slot);
        opts.onRecord({ socket: id, state: "opened" });
        makeIdle(slot);
        resolve();
      });
      // The server's FIN: the next request must not be put on it, though it closes only a moment later.
      socket.once("end", () => idle.delete(slot));
      socket.once("close", function onClose() {
        clearTimeout(timer);
        opening.delete(socket);
        idle.delete(slot);
        const wasOpen = open.delete(id);
        if (!stopped) {
          opts.onRecord({ socket: id, ...lastState(slot, { wasOpen, error }) });
          reopen(slot.answered ? 0 : REOPEN_AFTER_MS);
        }
        resolve();
      });
    });
  }

  function reopen(afterMs: number): void {
    const timer = setTimeout(() => {
      reopening.delete(timer);
      if (!stopped) void openOne();
    }, afterMs);
    reopening.add(timer);
  }

  function makeIdle(slot: PersistentSocket): void {
    const { socket } = slot;
    if (!open.has(slot.id) || socket.destroyed || socket.readableEnded || socket.writableEnded) return;
    // Between requests node:http does not read, and an unread socket never tells that the server has closed it.
    socket.resume();
    for (const use of waiting) {
      waiting.delete(use);
      use(slot);
      return;
    }
    idle.add(slot);
  }

  function take(use: (taken: PersistentSocket) => void): () => void {
    for (const slot of idle) {
      idle.delete(slot);
      use(slot);
      return () => undefined;
    }
    waiting.add(use);
    return () => waiting.delete(use);
  }

  function release(taken: PersistentSocket): void {
    makeIdle(taken);
  }

  function stop(): void {
    stopped = true;
    for (const timer of reopening) clearTimeout(timer);
    for (const socket of opening) socket.destroy();
    for (const slot of open.values()) slot.socket.destroy();
  }

  return {
    start,
    take,
    release,
    stop,
  };
}

function lastState(
  slot: PersistentSocket,
  opts: { wasOpen: boolean; error: string | undefined },
): Omit<SocketRecord, "type" | "atMs" | "socket"> {
  const error = opts.error ?? (slot.givenUp && !opts.wasOpen ? "CONNECT_TIMEOUT" : undefined);
  return {
    ...(opts.wasOpen ? { state: "closed", by: slot.givenUp ? "agent" : "server" } : { state: "failed" }),
    ...(error !== undefined && { error }),
  };
}
