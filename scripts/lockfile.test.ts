import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

interface LockEntry {
  version?: string;
  license?: string;
  resolved?: string;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}
type LockPackages = Record<string, LockEntry>;

const packages: LockPackages = JSON.parse(
  readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"),
).packages;

/**
 * Optional dependencies that a lockfile names and does not hold. npm leaves out what the registry did not serve at that
 * minute without a word, and `npm ci` then fails on the platform whose binary is missing.
 */
function missingOptionals(lock: LockPackages): string[] {
  return Object.entries(lock).flatMap(([where, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !ancestors(where).some((dir) => lock[`${dir}node_modules/${name}`]))
      .map((name) => `${where || "the root"} lacks ${name}`),
  );
}

/** Where Node looks from a package on: its own node_modules, then those above it. */
function ancestors(where: string): string[] {
  const dirs = [where === "" ? "" : `${where}/`];
  for (let at = where.lastIndexOf("/node_modules/"); at >= 0; at = where.lastIndexOf("/node_modules/", at - 1)) {
    dirs.push(`${where.slice(0, at)}/`);
  }
  return [...dirs, ""];
}

/** Licences that let a team do what it wants with its service; no copyleft, weak or strong. */
const PERMISSIVE = new Set(
  "0BSD Apache-2.0 BlueOak-1.0.0 BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT Python-2.0 Zlib".split(" "),
);

/** Reads an SPDX expression as npm packages write them: every part of an AND, or one part of an OR. */
function isPermissive(expression: string): boolean {
  const bare = expression.replaceAll(/[()]/g, "");
  if (bare.includes(" OR ")) return bare.split(" OR ").some(isPermissive);
  return bare.split(" AND ").every((licence) => PERMISSIVE.has(licence));
}

function notPermissive(lock: LockPackages): string[] {
  return Object.entries(lock)
    .filter(([where, entry]) => where.includes("node_modules/") && !entry.link)
    .filter(([, entry]) => !isPermissive(entry.license ?? "none"))
    .map(([where, entry]) => `${where}: ${entry.license ?? "no licence named"}`);
}

describe("the lockfile", () => {
  test("holds every platform's binaries of every package", () => {
    expect(Object.keys(packages).length).toBeGreaterThan(100);
    expect(missingOptionals(packages)).toEqual([]);
  });

  test("would be refused if one binary were missing", () => {
    const { "node_modules/@esbuild/linux-arm64": taken, ...rest } = packages;
    expect(taken).toBeDefined();
    expect(missingOptionals(rest)).toEqual(["node_modules/esbuild lacks @esbuild/linux-arm64"]);
  });

  test("is installed without running a script of any package", () => {
    expect(readFileSync(new URL("../.npmrc", import.meta.url), "utf8")).toMatch(/^ignore-scripts=true$/m);
  });

  test("names no registry, so that any mirror serves it", () => {
    const remote = Object.entries(packages).filter(([, entry]) => entry.resolved && /^https?:/.test(entry.resolved));
    expect(remote).toEqual([]);
  });

  test("holds permissive licences only", () => {
    expect(notPermissive(packages)).toEqual([]);
    expect(notPermissive({ "node_modules/a": { license: "AGPL-3.0" } })).toHaveLength(1);
    expect(notPermissive({ "node_modules/a": { license: "(MIT AND MPL-2.0)" } })).toHaveLength(1);
    expect(notPermissive({ "node_modules/a": {} })).toHaveLength(1);
  });
});
