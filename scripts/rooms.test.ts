import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const oxlint = path.join(root, "node_modules", ".bin", "oxlint");

/**
 * The house from the ground up: a room may import from the rows below its own, and never from its own row. `kept` is
 * what a team keeps; it may import only what is kept as well.
 */
const ROWS = [
  ["packages/lifecycle", "packages/resilience", "packages/telemetry", "packages/load"],
  ["packages/fleet", "packages/cluster"],
  ["packages/experiments"],
  ["apps/service", "apps/cli", "apps/console", "apps/bench", "apps/e2e", "charts/service"],
];
const KEPT = new Set([
  "apps/service",
  "charts/service",
  "packages/lifecycle",
  "packages/resilience",
  "packages/telemetry",
]);

const rooms = ROWS.flatMap((row, height) =>
  row.map((dir) => ({ dir, height, slug: dir.replace("/", "-"), name: nameOf(dir) })),
);

function nameOf(dir: string): string {
  return dir === "charts/service" ? "@holdfast/chart" : dir.replace(/^(apps|packages)\//, "@holdfast/");
}

function mayImport(from: (typeof rooms)[number], to: (typeof rooms)[number]): boolean {
  return to.height < from.height && (!KEPT.has(from.dir) || KEPT.has(to.dir));
}

/** One planted file a pair of rooms, in a copy of nothing but the lint rules: what the rules say, file by file. */
let planted: string;
let refused: Set<string>;

beforeAll(() => {
  planted = mkdtempSync(path.join(tmpdir(), "holdfast-rooms-"));
  cpSync(path.join(root, ".oxlintrc.json"), path.join(planted, ".oxlintrc.json"));
  for (const from of rooms) {
    mkdirSync(path.join(planted, from.dir, "src"), { recursive: true });
    for (const to of rooms) {
      if (from === to) continue;
      writeFileSync(path.join(planted, from.dir, "src", `name-${to.slug}.ts`), `export { it } from "${to.name}";\n`);
      writeFileSync(
        path.join(planted, from.dir, `wall-${to.slug}.ts`),
        `export { it } from "../../${to.dir}/src/it.ts";\n`,
      );
      writeFileSync(
        path.join(planted, from.dir, "src", `wall-${to.slug}.ts`),
        `export { it } from "../../../${to.dir}/src/it.ts";\n`,
      );
    }
  }
  const { stdout } = spawnSync(oxlint, ["--format=json"], { cwd: planted, encoding: "utf8", maxBuffer: 1 << 26 });
  const { diagnostics }: { diagnostics: { code?: string; filename: string }[] } = JSON.parse(stdout);
  refused = new Set(
    diagnostics
      .filter((found) => found.code?.includes("no-restricted-imports"))
      .map((found) => path.relative(planted, path.resolve(planted, found.filename))),
  );
});

afterAll(() => rmSync(planted, { recursive: true, force: true }));

describe("the order of the rooms", () => {
  for (const from of rooms) {
    test(`${from.dir} imports only from below`, () => {
      for (const to of rooms) {
        if (from === to) continue;
        const file = `${from.dir}/src/name-${to.slug}.ts`;
        expect([file, refused.has(file)]).toEqual([file, !mayImport(from, to)]);
      }
    });

    test(`${from.dir} enters no room through the wall`, () => {
      for (const to of rooms) {
        if (from === to) continue;
        expect(refused).toContain(`${from.dir}/src/wall-${to.slug}.ts`);
        expect(refused).toContain(`${from.dir}/wall-${to.slug}.ts`);
      }
    });
  }

  test("every room that exists has its row", () => {
    const known = new Set(rooms.map((room) => room.dir));
    for (const kind of ["apps", "packages", "charts"]) {
      for (const dir of readdirSync(path.join(root, kind))) {
        if (dir === "tsconfig" || !existsSync(path.join(root, kind, dir, "package.json"))) continue;
        expect(known).toContain(`${kind}/${dir}`);
      }
    }
  });

  test("every room declares the rooms it may import, and no other", () => {
    for (const from of rooms) {
      const manifest = path.join(root, from.dir, "package.json");
      if (!existsSync(manifest)) continue;
      const { dependencies = {} }: { dependencies?: Record<string, string> } = JSON.parse(
        readFileSync(manifest, "utf8"),
      );
      const above = rooms.filter((to) => dependencies[to.name] !== undefined && !mayImport(from, to));
      expect([from.dir, above.map((to) => to.name)]).toEqual([from.dir, []]);
    }
  });
});
