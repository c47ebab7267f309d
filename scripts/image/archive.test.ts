import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { archiveOf } from "./archive.ts";

const file = (at: string, text: string) => ({ at, contents: Buffer.from(text) });

test("the same files give the same bytes, in whatever order they are named", async () => {
  const one = await archiveOf([file("/app/b.cjs", "b"), file("/app/a.cjs", "a")]);
  const two = await archiveOf([file("/app/a.cjs", "a"), file("/app/b.cjs", "b")]);
  expect(one.equals(two)).toBe(true);
  expect(one.equals(await archiveOf([file("/app/a.cjs", "a"), file("/app/b.cjs", "c")]))).toBe(false);
});

test("it holds the folders before what is in them, owned by root, of 1970, and nothing that can be written", async () => {
  const archive = await archiveOf([file("/app/deep/er/a.cjs", "a"), file("/app/LICENCES.txt", "l")]);
  const entries: string[] = [];
  for await (const entry of Readable.from(archive).pipe(extract())) {
    const { name, mode = 0, uid, gid, mtime } = entry.header;
    entries.push(`${name} ${mode.toString(8)} ${uid}:${gid} ${mtime?.getTime()}`);
    entry.resume();
  }
  expect(entries).toEqual([
    "app/ 755 0:0 0",
    "app/deep/ 755 0:0 0",
    "app/deep/er/ 755 0:0 0",
    "app/LICENCES.txt 444 0:0 0",
    "app/deep/er/a.cjs 444 0:0 0",
  ]);
});
