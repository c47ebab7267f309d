import { expect, test } from "vitest";
import { isoTime, jsonString } from "./json-text.ts";

/** mulberry32: the same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return function next(): number {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const RANGES: readonly (readonly [number, number])[] = [
  [0x20, 0x7e],
  [0x20, 0x7e],
  [0x00, 0x1f],
  [0x7f, 0xff],
  [0x20_00, 0x20_2f], // U+2028 and U+2029 end a line in JavaScript, not in JSON
  [0xd8_00, 0xdf_ff], // surrogates, mostly lone ones
  [0xff_f0, 0xff_ff],
];

function randomText(random: () => number): string {
  const length = Math.floor(random() * 40);
  return Array.from({ length }, () => {
    const [from, to] = RANGES[Math.floor(random() * RANGES.length)] ?? [0x20, 0x7e];
    return String.fromCharCode(from + Math.floor(random() * (to - from + 1)));
  }).join("");
}

test("20 000 random texts are written as JSON.stringify writes them, and read back as they were", () => {
  const random = createRandom(20_260_101);
  const wrong: string[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    const text = randomText(random);
    const json = jsonString(text, 1000);
    if (json !== JSON.stringify(text) || JSON.parse(json) !== text) wrong.push(JSON.stringify(text));
  }
  expect(wrong).toEqual([]);
});

test("20 000 random texts are cut to the asked length before they are escaped", () => {
  const random = createRandom(4711);
  const wrong: string[] = [];
  for (let i = 0; i < 20_000; i += 1) {
    const text = randomText(random);
    const maxChars = Math.floor(random() * 40);
    if (jsonString(text, maxChars) !== JSON.stringify(text.slice(0, maxChars))) wrong.push(JSON.stringify(text));
  }
  expect(wrong).toEqual([]);
});

test("each of the 65 536 code units is written as JSON.stringify writes it", () => {
  const wrong: number[] = [];
  for (let unit = 0; unit < 0x1_00_00; unit += 1) {
    const text = `a${String.fromCharCode(unit)}b`;
    if (jsonString(text, 3) !== JSON.stringify(text)) wrong.push(unit);
  }
  expect(wrong).toEqual([]);
});

test("one line it stays, whatever is in it", () => {
  const json = jsonString('GET /"\\\r\n\0{"seq":1}\n', 1000);
  expect(json).not.toMatch(/[\r\n\0]/);
  expect(JSON.parse(json)).toBe('GET /"\\\r\n\0{"seq":1}\n');
});

test("an emoji cut in half becomes an escape, not a byte sequence that no reader takes", () => {
  const json = jsonString("ab😀", 3);
  expect(json).toBe(String.raw`"ab\ud83d"`);
  expect(Buffer.from(json, "utf8").includes("\uFFFD")).toBe(false);
});

test("1 MB is cut to the bound", () => {
  expect(jsonString("x".repeat(1_048_576), 1024)).toBe(`"${"x".repeat(1024)}"`);
  expect(jsonString("\u0001".repeat(1_048_576), 1024)).toBe(JSON.stringify("\u0001".repeat(1024)));
  const exact = "x".repeat(1024);
  expect(jsonString(exact, 1024)).toBe(`"${exact}"`);
});

test("isoTime is Date.prototype.toISOString, in whatever order it is asked", () => {
  const random = createRandom(99);
  const fixed = [
    0, 1, 9, 10, 99, 100, 999, 1000, -1, -1000, -1001, 951_782_399_999, 1_709_164_800_000, 253_402_300_800_000,
  ];
  const near = Array.from({ length: 2000 }, (_, i) => 1_790_000_000_000 + i * 3);
  const far = Array.from({ length: 5000 }, () => Math.floor(random() * 4e12));
  const times = [...fixed, ...near, ...far, ...near];
  expect(times.filter((epochMs) => isoTime(epochMs) !== new Date(epochMs).toISOString())).toEqual([]);
});

test("isoTime drops fractions of a millisecond as Date does", () => {
  for (const epochMs of [1_790_000_000_000.999, 1_790_000_000_999.75, 1_790_000_000_001.5, 0.25]) {
    expect(isoTime(epochMs)).toBe(new Date(epochMs).toISOString());
  }
});
