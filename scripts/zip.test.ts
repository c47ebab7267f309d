import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readZipped } from "./zip.mjs";

/** An archive as `zip` writes it: each file deflated but the empty ones, then the directory, then its end. */
function zipOf(files: Record<string, string>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const stored = text === "" ? Buffer.alloc(0) : deflateRawSync(text);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(name.length, 26);
    header.writeUInt16LE(3, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(text === "" ? 0 : 8, 10);
    entry.writeUInt32LE(stored.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(2, 30);
    entry.writeUInt16LE(1, 32);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, Buffer.from(`${name}--c`));
    const file = Buffer.concat([header, Buffer.from(`${name}---`), stored]);
    parts.push(file);
    at += file.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), "holdfast-zip-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a file is read out of an archive by its whole name", () => {
  const archive = path.join(dir, "some.zip");
  writeFileSync(archive, zipOf({ "helm/": "", "helm/helm": "the program ".repeat(1000), "kubectl/kubectl": "other" }));
  expect(readZipped(archive, "helm/helm")?.toString()).toBe("the program ".repeat(1000));
  expect(readZipped(archive, "kubectl/kubectl")?.toString()).toBe("other");
  expect(readZipped(archive, "helm/")?.length).toBe(0);
  expect(readZipped(archive, "helm")).toBeUndefined();
});

test("what is no archive is said to be none", () => {
  const archive = path.join(dir, "none.zip");
  writeFileSync(archive, "no");
  expect(() => readZipped(archive, "a")).toThrow("is no zip archive");
  writeFileSync(archive, "no archive, but long enough to have an end");
  expect(() => readZipped(archive, "a")).toThrow("is no zip archive");
});
