import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { ensureServiceBundle } from "./service-bundle.ts";

/** A checkout with a service of one source, which a build copies. */
async function createCheckout(build: string): Promise<{ root: string; ensure: () => Promise<string>; said: string[] }> {
  const root = await mkdtemp(path.join(tmpdir(), "bundle-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(path.join(root, "apps/service/src"), { recursive: true });
  await mkdir(path.join(root, "apps/service/dist"), { recursive: true });
  await writeFile(path.join(root, "apps/service/package.json"), JSON.stringify({ scripts: { build } }));
  await writeFile(path.join(root, "apps/service/src/main.ts"), "source");
  const said: string[] = [];
  return { root, said, ensure: () => ensureServiceBundle({ root, note: (line) => said.push(line) }) };
}

const COPY = "node -e \"fs.copyFileSync('src/main.ts', 'dist/service.cjs')\"";

test("a missing bundle is built, a fresh one is not, and a stale one is again; each build says so", async () => {
  const { root, ensure, said } = await createCheckout(COPY);
  const bundle = path.join(root, "apps/service/dist/service.cjs");
  expect(await ensure()).toBe(bundle);
  expect(said).toEqual([
    "Building the service: it has no bundle yet ...",
    expect.stringMatching(/^Built apps\/service\/dist\/service\.cjs in [\d.]+ m?s\.$/),
  ]);

  await ensure();
  expect(said).toHaveLength(2);

  await writeFile(path.join(root, "apps/service/src/main.ts"), "newer source");
  await utimes(bundle, 1, 1);
  await ensure();
  expect(said[2]).toBe("Building the service: its sources are newer than its bundle ...");
  expect(await readFile(bundle, "utf8")).toBe("newer source");
});

test("a source that is gone makes the bundle stale, as a newer one does", async () => {
  const { root, ensure, said } = await createCheckout(COPY);
  await writeFile(path.join(root, "apps/service/src/old.ts"), "source");
  await ensure();
  await ensure();
  expect(said).toHaveLength(2);
  await rm(path.join(root, "apps/service/src/old.ts"));
  await ensure();
  expect(said[2]).toBe("Building the service: its sources are not those it was made of ...");
  await ensure();
  expect(said).toHaveLength(4);
});

test("a build that is broken off ends with everything it has started", async () => {
  const build = "node -e \"fs.writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000)\"";
  const { root } = await createCheckout(build);
  const abort = new AbortController();
  const building = ensureServiceBundle({ root, note: () => {}, signal: abort.signal });
  const pid = await vi.waitFor(async () => {
    const text = await readFile(path.join(root, "apps/service/pid"), "utf8");
    expect(text).not.toBe("");
    return Number(text);
  });
  abort.abort();
  await expect(building).rejects.toBe(abort.signal.reason);
  // Whoever collects the dead of this machine may take its time.
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/), 10_000);
});

test("several that need it at once build it once; a lock that a killed one has left holds nobody up", async () => {
  const { root, ensure, said } = await createCheckout(COPY);
  await mkdir(path.join(root, ".cache"));
  // No process has this pid: it is above what Linux and macOS give out.
  await writeFile(
    path.join(root, ".cache/service-bundle.lock"),
    JSON.stringify({ pid: 99_999_999, id: "of one that was killed" }),
  );
  await Promise.all([ensure(), ensure(), ensure()]);
  expect(said.filter((line) => line.startsWith("Built"))).toHaveLength(1);
});

test("what is not in the bundle does not make it stale", async () => {
  const { root, ensure, said } = await createCheckout(COPY);
  await ensure();
  const later = new Date(Date.now() + 60_000);
  for (const name of ["src/main.test.ts", "README.md"]) {
    const file = path.join(root, "apps/service", name);
    await writeFile(file, "");
    await utimes(file, later, later);
  }
  await ensure();
  expect(said).toHaveLength(2);
});

test("a build that fails is told in its own words, with what to do", async () => {
  const { ensure } = await createCheckout("node -e \"console.error('no such module'); process.exit(3)\"");
  await expect(ensure()).rejects.toMatchObject({
    code: "BUILD_FAILED",
    exitCode: 4,
    message: expect.stringMatching(
      /^The service does not build; `npm run build -w apps\/service` shows why: exit \d\n[^]*no such module/,
    ),
  });
});

test("a build that leaves nothing has failed as well", async () => {
  const { ensure } = await createCheckout("node -e 0");
  await expect(ensure()).rejects.toThrow("it ended well and left nothing in apps/service/dist");
});
