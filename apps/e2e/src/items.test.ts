import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { CHECKS, choose, type Item } from "./items.ts";
import { allItems, chosenBy, createProgram, listLines, upFlags, type Flags } from "./program.ts";

const experiment = (id: string): Item => ({ kind: "experiment", id, title: id, claims: "", controls: ["c"] });
const items: readonly Item[] = [...CHECKS, ...["E1", "E3", "E5", "E8", "E8b", "E15a", "E15b", "E15c"].map(experiment)];
const ids = (all: readonly { id: string }[]) => all.map(({ id }) => id);

test("every check of the list has its file, and every file is in the list", () => {
  const files = readdirSync(new URL("checks", import.meta.url)).map((file) => file.replace(/\.e2e\.ts$/, ""));
  expect(files.toSorted()).toEqual(ids(CHECKS).toSorted());
});

test("without a choice it is the core, in which E1 and E8 bring their controls", () => {
  const chosen = choose(items, {});
  expect(ids(chosen)).toEqual(["zones", "upgrade-keeps-n", "E1", "E3", "E8", "E15a", "E15c"]);
  expect(ids(chosen.filter((item) => item.kind === "experiment" && item.withControls))).toEqual(["E1", "E8"]);
});

test("--all is everything, with all controls", () => {
  const chosen = choose(items, { all: true });
  expect(ids(chosen)).toEqual(ids(items));
  expect(chosen.every((item) => item.kind === "check" || item.withControls)).toBe(true);
});

test("--only takes ids in either case, in the order of the list, with their controls", () => {
  const chosen = choose(items, { only: ["e3", " Zones"] });
  expect(ids(chosen)).toEqual(["zones", "E3"]);
  expect(chosen[1]).toMatchObject({ withControls: true });
});

test.each([[["zonse"]], [["zones", "E99"]], [[""]]])(
  "an id that is none (%j) is wrong usage, and the ids are named",
  (only) => {
    expect(() => choose(items, { only })).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => choose(items, { only })).toThrow(/zones, upgrade-keeps-n, .*E15c/);
  },
);

async function parse(...args: string[]): Promise<Flags> {
  let parsed: Flags | undefined;
  const program = createProgram(async (flags) => {
    parsed = flags;
  });
  await program.parseAsync(args, { from: "user" });
  if (!parsed) throw new Error("The action did not run.");
  return parsed;
}

test("--only takes a list with commas or several words", async () => {
  expect((await parse("--only", "zones,E1", "pdb")).only).toEqual(["zones", "E1", "pdb"]);
});

test.each([
  [["--all", "--only", "zones"], /exclude each other/],
  [["--proof"], /give --all too/],
])("%j is wrong usage", async (args, sentence) => {
  const flags = await parse(...args);
  expect(() => chosenBy(flags)).toThrow(sentence);
});

test.each(["Bad_Name", "-a", "x".repeat(41)])("%j names no cluster, which is wrong usage", async (name) => {
  await expect(parse(`--name=${name}`)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining("1 to 40 small letters"),
  });
});

test("a flag that does not exist is wrong usage", async () => {
  await expect(parse("--al")).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining("--al") });
});

test("what is meant for `up` is handed on as it was given", async () => {
  const flags = await parse(
    "--name",
    "ci",
    "--bundle",
    "b",
    "--port",
    "0",
    "--lab-port",
    "1",
    "--logs-port",
    "2",
    "--traces-port",
    "3",
    "--kubernetes",
    "1.35",
    "--free-ports",
  );
  expect(upFlags(flags)).toEqual([
    "--bundle",
    path.resolve("b"),
    "--kubernetes",
    "1.35",
    "--port",
    "0",
    "--lab-port",
    "1",
    "--logs-port",
    "2",
    "--traces-port",
    "3",
    "--free-ports",
  ]);
  expect(upFlags(await parse())).toEqual([]);
});

test("--list shows every item, and which are the core", () => {
  const lines = listLines(allItems());
  expect(lines).toContainEqual(expect.stringMatching(/^core {2}zones /));
  expect(lines).toContainEqual(expect.stringMatching(/^core {2}E1 /));
  expect(lines).toContainEqual(expect.stringMatching(/^ {6}pdb /));
});
