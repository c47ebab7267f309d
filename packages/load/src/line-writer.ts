import { write } from "node:fs";

/** How long lines are gathered before they go out in one write: short for whoever looks on, long enough to be cheap. */
const GATHER_MS = 50;
/** A pipe whose reader is behind says EAGAIN; the reader is another process, so there is nothing to await. */
const RETRY_MS = 10;

export interface LineWriter {
  line(text: string): void;
  /** Writes now what was gathered. */
  flush(): void;
  /** Resolves when everything is written; rejects with the first error. */
  close(): Promise<void>;
}

/**
 * Lines to a file descriptor, in order, off the event loop: a slow disk or reader fills memory, and never delays the next request.
 * After the first error nothing more is written, and `onError` has heard it once.
 */
export function createLineWriter(fd: number, onError: (error: NodeJS.ErrnoException) => void): LineWriter {
  let gathered: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let failed: NodeJS.ErrnoException | undefined;
  let tail = Promise.resolve();

  function line(text: string): void {
    // The descriptor's number may soon be another file's.
    if (failed || closed) return;
    gathered.push(text);
    timer ??= setTimeout(flush, GATHER_MS);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.length === 0) return;
    const bytes = Buffer.from(`${gathered.join("\n")}\n`);
    gathered = [];
    tail = tail.then(() => (failed ? undefined : writeAll(fd, bytes).catch(fail)));
  }

  function fail(error: NodeJS.ErrnoException): void {
    failed = error;
    gathered = [];
    onError(error);
  }

  async function close(): Promise<void> {
    flush();
    closed = true;
    await tail;
    if (failed) throw failed;
  }

  return { line, flush, close };
}

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  let from = 0;
  while (from < bytes.length) {
    from += await writeSome(fd, bytes.subarray(from));
  }
}

function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") setTimeout(resolve, RETRY_MS, 0);
      else reject(error);
    });
  });
}
