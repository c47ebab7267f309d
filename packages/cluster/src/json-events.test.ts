import { expect, test } from "vitest";
import { createJsonSplitter } from "./json-events.ts";

const event = { type: "ADDED", object: { kind: "Pod", metadata: { name: "a" }, spec: { nested: { text: "}\n{" } } } };

test("one event a line, as kubectl writes watch events", () => {
  const split = createJsonSplitter();
  expect(split(`${JSON.stringify(event)}\n${JSON.stringify({ type: "DELETED" })}\n`)).toEqual([
    event,
    { type: "DELETED" },
  ]);
});

test("pretty-printed documents, one after the other", () => {
  const split = createJsonSplitter();
  const text = `${JSON.stringify(event, null, 4)}\n`;
  expect(split(text + text)).toEqual([event, event]);
});

test("documents that come in pieces of any size", () => {
  for (const text of [`${JSON.stringify(event)}\n`, `${JSON.stringify(event, null, 4)}\n`]) {
    const split = createJsonSplitter();
    const found = [...(text + text)].flatMap((character) => split(character));
    expect(found).toEqual([event, event]);
  }
});

test("what is unfinished waits for its end", () => {
  const split = createJsonSplitter();
  expect(split(JSON.stringify(event))).toEqual([]);
  expect(split("\n")).toEqual([event]);
});

test("words between the documents and a torn document are left out", () => {
  const split = createJsonSplitter();
  expect(split('a warning\n{"type":"ADD\n{"type":\n')).toEqual([]);
  expect(split(`${JSON.stringify(event)}\n`)).toEqual([event]);
});
