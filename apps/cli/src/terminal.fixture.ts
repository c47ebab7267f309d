/** A terminal that only remembers what was said: 80 columns, no colours. */
import { Writable } from "node:stream";
import { unpainted } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

export interface Said {
  out: string;
  err: string;
}

export function createFakeTerminal(): { terminal: Terminal; said: Said } {
  const said: Said = { out: "", err: "" };
  function stream(name: keyof Said): NodeJS.WriteStream {
    const writable = new Writable({
      write(chunk, _encoding, done) {
        said[name] += String(chunk);
        done();
      },
    });
    return Object.assign(writable, { isTTY: false, columns: 80 }) as unknown as NodeJS.WriteStream;
  }
  const terminal: Terminal = {
    stdin: process.stdin,
    stdout: stream("out"),
    stderr: stream("err"),
    live: false,
    paint: unpainted,
    width: Number.POSITIVE_INFINITY,
    print: (line) => void (said.out += `${line}\n`),
    note: (line) => void (said.err += `${line}\n`),
  };
  return { terminal, said };
}
