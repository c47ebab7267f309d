import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { withLock } from "./checkout.mjs";

describe("the lock of a checkout", () => {
  let dir: string;
  let lock: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "holdfast-lock-"));
    lock = path.join(dir, "prestep.lock");
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    return () => {
      vi.restoreAllMocks();
      rmSync(dir, { recursive: true, force: true });
    };
  });

  const hold = () => withLock(() => readFileSync(lock, "utf8"), { dir, patienceMs: 100 });

  test("names its holder, and is gone afterwards", async () => {
    expect(await hold()).toBe(String(process.pid));
    expect(existsSync(lock)).toBe(false);
  });

  test.each([
    ["is no more", String(2 ** 30)],
    ["died before it wrote its number", ""],
    ["wrote no number", "half"],
    ["wrote the number of no process", "-1"],
  ])("is taken from a holder that %s", async (_what, contents) => {
    writeFileSync(lock, contents);
    utimesSync(lock, new Date(), new Date(Date.now() - 10_000));
    expect(await hold()).toBe(String(process.pid));
  });

  test("is left to a holder that is about to write its number", async () => {
    writeFileSync(lock, "");
    await expect(hold()).rejects.toThrow(/^After 0\.\d s another command still holds \S+prestep\.lock\. End it if/);
    expect(readFileSync(lock, "utf8")).toBe("");
  });

  test("is not waited for without end", async () => {
    writeFileSync(lock, String(process.pid));
    await expect(hold()).rejects.toThrow(`another command (pid ${process.pid}) still holds`);
  });

  test("is not left empty where its number cannot be written", () => {
    const script = `
      import { withLock } from ${JSON.stringify(path.join(import.meta.dirname, "checkout.mjs"))};
      await withLock(() => {}, { dir: ${JSON.stringify(dir)} }).catch(({ code }) => console.log(code));`;
    // No file of this process may be longer than nothing, as on a full disk.
    const limited = 'trap "" XFSZ; ulimit -f 0; exec "$0" --input-type=module --eval "$1"';
    const { stdout } = spawnSync("sh", ["-c", limited, process.execPath, script], { encoding: "utf8" });
    expect(stdout).toBe("EFBIG\n");
    expect(existsSync(lock)).toBe(false);
  });
});
