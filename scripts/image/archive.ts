import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import path from "node:path";

import { pack, type Pack } from "tar-stream";

export interface ArchivedFile {
  /** Absolute, as the image shows it. */
  readonly at: string;
  readonly contents: Uint8Array;
}

/** Nothing of the day or of who builds: the same files give the same bytes. */
const fixed = { mtime: new Date(0), uid: 0, gid: 0, uname: "", gname: "" };

/** The files and the directories above them, sorted; owned by root and writable by nobody, since nothing needs to be written. */
export async function archiveOf(files: readonly ArchivedFile[]): Promise<Buffer> {
  const directories = new Set(files.flatMap(({ at }) => parentsOf(at)));
  return tarOf(function addEntries(archive) {
    for (const directory of [...directories].toSorted()) {
      archive.entry({ ...fixed, name: `${directory.slice(1)}/`, type: "directory", mode: 0o755 });
    }
    for (const { at, contents } of files.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
      archive.entry({ ...fixed, name: at.slice(1), mode: 0o444 }, Buffer.from(contents));
    }
  });
}

/** What `docker build -` reads: the Dockerfile, and the archive that it adds. */
export async function contextOf(dockerfile: Uint8Array, archive: Uint8Array): Promise<Buffer> {
  return tarOf(function addEntries(context) {
    context.entry({ ...fixed, name: "Dockerfile" }, Buffer.from(dockerfile));
    context.entry({ ...fixed, name: "app.tar" }, Buffer.from(archive));
  });
}

export async function readAll(files: ReadonlyMap<string, string>): Promise<ArchivedFile[]> {
  return Promise.all([...files].map(async ([at, from]) => ({ at, contents: await readFile(from) })));
}

async function tarOf(addEntries: (archive: Pack) => void): Promise<Buffer> {
  const archive = pack();
  addEntries(archive);
  archive.finalize();
  return buffer(archive);
}

/** "/a/b/c" -> "/a", "/a/b". */
function parentsOf(at: string): string[] {
  const parent = path.posix.dirname(at);
  return parent === "/" ? [] : [...parentsOf(parent), parent];
}
