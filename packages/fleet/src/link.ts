import { connect } from "node:net";
import type { Socket } from "node:net";

export interface Link {
  /** Something is still on its way to one of the sides. */
  readonly pending: boolean;
  /** Cuts both sides with RST. */
  reset(): void;
}

/**
 * Data on its way in one direction at most, in bytes, before its sender is held back: 1 Gbit/s at 8 ms. Without a delay nothing is on its
 * way, and the sender is held back as soon as the receiver's buffers are full.
 */
const maxInFlightBytes = 1024 * 1024;

/**
 * Joins a client that has just connected (paused, allowHalfOpen) to a backend on 127.0.0.1 and behaves as the network between them
 * would: each direction is closed on its own (FIN), an abort stays an abort (RST), a slow reader holds its sender back, and everything
 * takes `delayMs` each way and keeps its order. A backend that cannot be reached aborts the client; nothing is tried twice.
 */
export function joinLink(
  client: Socket,
  opts: { port: number; delayMs: number; onBackendClose: () => void; onClose: () => void },
): Link {
  const { delayMs } = opts;
  let backend: Socket | undefined;
  let toBackend: Direction | undefined;
  let toClient: Direction | undefined;
  let sidesOpen = 1;

  client.on("error", () => toBackend?.abort());
  client.on("close", sideClosed);
  later(delayMs, dial);

  /** The client's SYN arrives. */
  function dial(): void {
    if (client.destroyed) return;
    let established = false;
    sidesOpen += 1;
    backend = connect({ port: opts.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    toBackend = carry({ from: client, to: backend, delayMs });
    toClient = carry({ from: backend, to: client, delayMs });
    backend.once("connect", () => {
      established = true;
      // The kernel has accepted the client long ago, but on a real link it could send nothing before this moment.
      later(delayMs, () => client.resume());
    });
    backend.on("error", () => {
      if (established) toClient?.abort();
      else later(delayMs, () => client.resetAndDestroy());
    });
    backend.on("close", () => {
      opts.onBackendClose();
      sideClosed();
    });
  }

  function sideClosed(): void {
    sidesOpen -= 1;
    if (sidesOpen > 0) return;
    if (backend === undefined) opts.onBackendClose();
    opts.onClose();
  }

  return {
    get pending() {
      return toBackend?.pending === true || toClient?.pending === true;
    },
    reset() {
      client.resetAndDestroy();
      backend?.resetAndDestroy();
    },
  };
}

interface Direction {
  readonly pending: boolean;
  /** The sender has aborted: so will the receiver's side, after what was sent before. */
  abort(): void;
}

/** Carries data and FIN from one socket to another, `delayMs` late and in order. */
function carry(opts: { from: Socket; to: Socket; delayMs: number }): Direction {
  const { from, to, delayMs } = opts;
  const maxQueuedBytes = delayMs === 0 ? 0 : maxInFlightBytes;
  /** An entry without data is the FIN. */
  const queue: { dueMs: number; data?: Buffer }[] = [];
  let queuedBytes = 0;
  let full = false;
  let holdingBack = false;
  let aborting = false;
  let timer: NodeJS.Timeout | undefined;

  from.on("data", (data: Buffer) => {
    queuedBytes += data.length;
    queue.push({ dueMs: performance.now() + delayMs, data });
    deliver();
  });
  from.on("end", () => {
    queue.push({ dueMs: performance.now() + delayMs });
    deliver();
  });
  to.on("drain", () => {
    full = false;
    deliver();
  });
  to.on("close", () => {
    clearTimeout(timer);
    queue.length = 0;
    queuedBytes = 0;
  });

  function deliver(now = performance.now()): void {
    clearTimeout(timer);
    for (let head = queue[0]; head !== undefined && head.dueMs <= now && !full; head = queue[0]) {
      queue.shift();
      if (head.data === undefined) {
        to.end();
      } else {
        queuedBytes -= head.data.length;
        if (to.writable) full = !to.write(head.data);
      }
    }
    const next = queue[0];
    // A timer may fire a fraction of a millisecond early; the next turn is soon enough.
    if (next !== undefined && !full) timer = setTimeout(() => deliver(), Math.max(1, next.dueMs - now));
    holdBack();
  }

  function holdBack(): void {
    if (!holdingBack && (full || queuedBytes > maxQueuedBytes)) {
      holdingBack = true;
      from.pause();
    } else if (holdingBack && !full && queuedBytes <= maxQueuedBytes / 2) {
      holdingBack = false;
      from.resume();
    }
  }

  return {
    get pending() {
      return !to.destroyed && (aborting || queue.length > 0 || to.writableLength > 0);
    },
    abort() {
      aborting = true;
      later(delayMs, () => {
        // What was sent before goes first, whatever the timers' rounding; what the receiver has no room for is lost with the connection.
        deliver(Infinity);
        to.resetAndDestroy();
      });
    },
  };
}

function later(delayMs: number, action: () => void): void {
  if (delayMs === 0) action();
  else setTimeout(action, delayMs);
}
