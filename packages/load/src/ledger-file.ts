import { createHash } from "node:crypto";
import { mkdir, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { LoadError } from "./errors.ts";
import { createLineWriter } from "./line-writer.ts";

export interface LedgerFile {
  /** What it is called until it is sealed. Written lines are in it some ms later. */
  readonly partial: string;
  line(text: string): void;
  /** Writes the seal and gives the file its name. */
  seal(): Promise<void>;
  /** Leaves nothing. */
  discard(): Promise<void>;
}

/**
 * A ledger file in the making. It is called `<file>.partial` until it is sealed, so that nothing half made stands under the name of a result.
 *
 * @throws LoadError `LOAD_LEDGER_WRITE`
 */
export async function createLedgerFile(file: string, onError: (error: LoadError) => void): Promise<LedgerFile> {
  const partial = `${file}.partial`;
  const handle = await openFile(partial).catch((error: NodeJS.ErrnoException) => {
    throw unwritable(file, error);
  });
  const writer = createLineWriter(handle.fd, (error) => onError(unwritable(file, error)));
  const hash = createHash("sha256");
  let lines = 0;

  function line(text: string): void {
    hash.update(text).update("\n");
    lines++;
    writer.line(text);
  }

  async function seal(): Promise<void> {
    try {
      writer.line(JSON.stringify({ type: "seal", lines, sha256: hash.digest("hex") }));
      await writer.close();
      // A full disk may be found out only here.
      await handle.sync();
      await handle.close();
      await rename(partial, file);
    } catch (error) {
      await discard();
      throw unwritable(file, error as NodeJS.ErrnoException);
    }
  }

  async function discard(): Promise<void> {
    await writer.close().catch(() => undefined);
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
  }

  return { partial, line, seal, discard };
}

async function openFile(path: string): Promise<FileHandle> {
  await makeDirectory(dirname(path));
  return open(path, "w");
}

/** As `mkdir -p`. Node's own `recursive` never comes back where a file system refuses every new directory (/proc). */
async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(dir)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(dir) === dir) throw error;
    await makeDirectory(dirname(dir));
    await mkdir(dir);
  }
}

function unwritable(file: string, error: NodeJS.ErrnoException): LoadError {
  const why =
    error.code === "ENOSPC" || error.code === "EDQUOT"
      ? "there is no space left; make room"
      : `${error.code}; see whether its folder may be written`;
  const sentence = `The ledger ${file} cannot be written (${why}, or name another folder), so the run was broken off and has no result.`;
  return new LoadError("LOAD_LEDGER_WRITE", sentence, { cause: error });
}
