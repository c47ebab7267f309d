/** Runs in a pod (`node --eval`): writes numbered lines, and between them what nobody should write. */
const { writeSync } = require("node:fs");

/** A pipe may take only a part, or nothing for a moment. */
function write(...parts) {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const run = process.argv[1];
let seq = 0;
const numbered = () => write(`${JSON.stringify({ level: "info", msg: "numbered", run, seq: ++seq })}\n`);
const fields = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, i]));
const NO_UTF8 = Buffer.from([0xff, 0xfe, 0xc3, 0x28]);
const MEBIBYTE = 1_048_576;

const hostile = [
  () => write("B".repeat(MEBIBYTE), "\n"),
  () => write(JSON.stringify({ level: "info", msg: "long", run, long: "C".repeat(MEBIBYTE) }), "\n"),
  () => write("no UTF-8 ", NO_UTF8, "\n"),
  () => write(`{"level":"info","run":"${run}","msg":"no UTF-8 `, NO_UTF8, '"}\n'),
  () => write('{"level":"info","msg":"never closed\n'),
  () => write(JSON.stringify({ level: "info", run, msg: "first\nsecond", time: "no time" }), "\n"),
  // More fields than VictoriaLogs takes in one line: as they are, and out of sight of whoever counts only the outer ones.
  () => write(JSON.stringify({ level: "info", msg: "wide", run, ...fields(3000) }), "\n"),
  () => write(JSON.stringify({ level: "info", msg: "nested", run, inner: fields(3000) }), "\n"),
];
for (const line of hostile) {
  for (let i = 0; i < 20; i += 1) numbered();
  line();
}
for (let i = 0; i < 20; i += 1) numbered();
