/** Reads one file out of a zip archive: neither GNU tar nor Node reads zip, and a plain machine may have nothing that does. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const DEFLATED = 8;

/** The contents of the file `name` in the archive, or undefined. Archives of less than 4 GB, without a comment at their end. */
export function readZipped(archive, name) {
  const file = openSync(archive, "r");
  const bytesAt = (position, length) => {
    const bytes = Buffer.alloc(length);
    if (readSync(file, bytes, 0, length, position) !== length) throw new Error(`${archive} is cut off`);
    return bytes;
  };
  try {
    const { size } = statSync(archive);
    if (size < END_BYTES) throw new Error(`${archive} is no zip archive`);
    const end = bytesAt(size - END_BYTES, END_BYTES);
    if (end.readUInt32LE(0) !== END_SIGNATURE) throw new Error(`${archive} is no zip archive`);
    const directory = bytesAt(end.readUInt32LE(16), end.readUInt32LE(12));
    for (let at = 0; at < directory.length && directory.readUInt32LE(at) === ENTRY_SIGNATURE;) {
      const entry = directory.subarray(at);
      const nameLength = entry.readUInt16LE(28);
      if (entry.toString("utf8", ENTRY_BYTES, ENTRY_BYTES + nameLength) === name) {
        const local = entry.readUInt32LE(42);
        const header = bytesAt(local, LOCAL_BYTES);
        const start = local + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
        const stored = bytesAt(start, entry.readUInt32LE(20));
        return entry.readUInt16LE(10) === DEFLATED ? inflateRawSync(stored) : stored;
      }
      at += ENTRY_BYTES + nameLength + entry.readUInt16LE(30) + entry.readUInt16LE(32);
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}
