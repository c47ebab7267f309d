import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startWatch } from "./watch.ts";
import type { WatchGap } from "./watch.ts";

interface Thing {
  metadata: { uid: string; name: string };
}

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "holdfast-watch-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const thing = (name: string): Thing => ({ metadata: { uid: `uid-${name}`, name } });
const line = (type: string, name: string) => JSON.stringify({ type, object: thing(name) });

/** A stand-in for kubectl: the n-th start runs the n-th script, the last one again and again. */
async function standIn(scripts: string[]): Promise<string[]> {
  await Promise.all(scripts.map((script, index) => writeFile(path.join(dir, `${index + 1}.sh`), script)));
  await writeFile(
    path.join(dir, "kubectl.sh"),
    `n=$(($(cat ${dir}/n 2>/dev/null || echo 0) + 1)); echo $n > ${dir}/n; echo $$ > ${dir}/pid
[ -f ${dir}/$n.sh ] || n=${scripts.length}
. ${dir}/$n.sh`,
  );
  return [path.join(dir, "kubectl.sh")];
}

function collect(args: string[], opts: { list: () => Promise<Thing[]>; giveUpAfterMs?: number }) {
  const seen: string[] = [];
  const gaps: WatchGap[] = [];
  const ended = Promise.withResolvers<Error | undefined>();
  const waiting = new Set<() => void>();
  const watch = startWatch<Thing>(
    { file: "/bin/sh", args, env: {}, list: opts.list },
    {
      onEvent({ type, object }) {
        seen.push(`${type} ${object.metadata.name}`);
        for (const check of waiting) check();
      },
      onGap: (gap) => gaps.push(gap),
      onEnd: (error) => ended.resolve(error),
      ...(opts.giveUpAfterMs === undefined ? {} : { giveUpAfterMs: opts.giveUpAfterMs }),
    },
  );
  const saw = (event: string) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!seen.includes(event)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { watch, seen, gaps, ended: ended.promise, saw };
}

const forever = "while :; do sleep 0.1; done";

test("stop() ends the program behind it and tells the end once", async () => {
  const args = await standIn([`echo '${line("ADDED", "a")}'; ${forever}`]);
  const { watch, seen, ended, saw } = collect(args, { list: () => Promise.resolve([thing("a")]) });
  await saw("ADDED a");
  await watch.stop();
  expect(await ended).toBeUndefined();
  expect(seen).toEqual(["ADDED a"]);
  const pid = Number(await readFile(path.join(dir, "pid"), "utf8"));
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});

test("a stream that ends is followed by another; the gap is told, and so is what went away in it", async () => {
  const args = await standIn([
    `echo '${line("ADDED", "stays")}'; echo '${line("ADDED", "goes")}'; echo the server is away >&2; exit 1`,
    `echo '${line("ADDED", "stays")}'; ${forever}`,
  ]);
  const { watch, seen, gaps, saw } = collect(args, { list: () => Promise.resolve([thing("stays")]) });
  await saw("DELETED goes");
  await watch.stop();
  expect(seen).toEqual(["ADDED stays", "ADDED goes", "ADDED stays", "DELETED goes"]);
  expect(gaps).toHaveLength(1);
  expect(gaps[0]?.reason).toBe("the server is away");
});

test("when no stream can be had for long enough, the end has an error with kubectl's last words", async () => {
  const args = await standIn(["echo connection refused >&2; exit 1"]);
  const { watch, ended } = collect(args, { list: () => Promise.reject(new Error("away")), giveUpAfterMs: 500 });
  const error = await ended;
  expect(error).toMatchObject({ code: "TOOL_FAILED" });
  expect(error?.message).toContain("connection refused");
  await watch.stop();
});
