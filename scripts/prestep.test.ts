import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isInstalled, isNodeSupported } from "./prestep.mjs";

describe("which Node will do", () => {
  const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

  test("is what package.json says", () => expect(engines.node).toBe("^24.11 || >=26"));

  test.each([
    ["v18.20.8", false],
    ["v20.20.2", false],
    ["v24.10.0", false],
    ["v24.11.0", true],
    ["v24.21.0", true],
    ["v25.9.0", false],
    ["v26.0.0", true],
    ["v28.1.0", true],
  ])("%s: %s", (version, supported) => expect(isNodeSupported(version)).toBe(supported));
});

describe("whether the dependencies are the lockfile's", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "holdfast-prestep-"));
    mkdirSync(path.join(dir, "node_modules"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const lock = (file: string, packages: object) => writeFileSync(path.join(dir, file), JSON.stringify({ packages }));

  test("yes when every package has its version", () => {
    lock("package-lock.json", {
      "": {},
      "node_modules/a": { version: "1.0.0" },
      "node_modules/b": { version: "2.0.0", optional: true },
    });
    lock("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
    expect(isInstalled(dir)).toBe(true);
  });

  test("no when one has another version", () => {
    lock("package-lock.json", { "node_modules/a": { version: "1.0.1" } });
    lock("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
    expect(isInstalled(dir)).toBe(false);
  });

  test("no when nothing was installed, or npm was interrupted before it wrote its record", () => {
    lock("package-lock.json", { "node_modules/a": { version: "1.0.0" } });
    expect(isInstalled(dir)).toBe(false);
  });
});

describe("a tool that a command asks for by --with", () => {
  let bundle: string;
  let helm: string;
  beforeEach(() => {
    bundle = mkdtempSync(path.join(tmpdir(), "holdfast-prestep-"));
    helm = path.join(bundle, "bin", "helm");
    mkdirSync(path.dirname(helm));
    const program = "#!/bin/sh\necho helm of the bundle\n";
    writeFileSync(helm, program, { mode: 0o755 });
    const sha256 = createHash("sha256").update(program).digest("hex");
    const platform = `${process.platform}/${process.arch.replace("x64", "amd64")}`;
    const list = { platform, tools: [{ name: "helm", version: "4.2.3", file: "bin/helm", sha256 }] };
    writeFileSync(path.join(bundle, "bundle.json"), JSON.stringify(list));
  });
  afterEach(() => rmSync(bundle, { recursive: true, force: true }));

  function prestep(args: string[], env: Record<string, string> = {}) {
    const script = fileURLToPath(new URL("prestep.mjs", import.meta.url));
    const { HOLDFAST_HELM: _, ...inherited } = process.env;
    return spawnSync(process.execPath, [script, ...args], {
      env: { ...inherited, HOLDFAST_BUNDLE: bundle, ...env },
      encoding: "utf8",
    });
  }

  test("stands first on PATH and in a variable of its name", () => {
    const { stdout, stderr } = prestep(["--with", "helm", "sh", "-c", 'echo "$HOLDFAST_HELM"; helm']);
    expect([stdout, stderr]).toEqual([`${helm}\nhelm of the bundle\n`, ""]);
  });

  test("is the one that the variable names already", () => {
    const { stdout } = prestep(["--with", "helm", "sh", "-c", 'echo "$HOLDFAST_HELM"'], { HOLDFAST_HELM: "/my/helm" });
    expect(stdout).toBe("/my/helm\n");
  });

  test("is refused when it is not what the bundle's list says, before the command runs", () => {
    writeFileSync(helm, "#!/bin/sh\necho another helm\n");
    const { status, stdout, stderr } = prestep(["--with", "helm", "echo", "ran"]);
    expect([status, stdout]).toEqual([4, ""]);
    expect(stderr).toMatch(/^holdfast: \S+\/bin\/helm is not what \S+\/bundle\.json says \(sha256\): it is not used/);
  });

  test("is refused when there is none of that name, before the command runs", () => {
    const { status, stdout, stderr } = prestep(["--with", "helmet", "echo", "ran"]);
    expect([status, stdout]).toEqual([4, ""]);
    expect(stderr).toBe('holdfast: There is no tool "helmet" here: helm, kubectl, kind.\n');
  });
});
