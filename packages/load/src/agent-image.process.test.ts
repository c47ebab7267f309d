import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { startLoad } from "./load-run.ts";

vi.setConfig({ testTimeout: 120_000 });

const room = join(import.meta.dirname, "..");

/** What the image's script says where there is nothing to build it with, or on. */
const CANNOT_BUILD = /^(Docker is needed|Docker does not answer|The base image .* could not be pulled).*$/m;

test("the agent's image is small, and its container keeps a ledger over stdin and stdout", async (context) => {
  const build = spawnSync(process.execPath, ["--run", "image", "--", "-o", "json"], { cwd: room, encoding: "utf8" });
  const [reason] = CANNOT_BUILD.exec(build.stderr) ?? [];
  // With a bundle Docker is meant to be there; else it is said beside the results that this showed nothing.
  if (reason !== undefined && !process.env["HOLDFAST_BUNDLE"]) {
    process.stderr.write(`NOT RUN: "${context.task.name}" builds an image. ${reason}\n`);
    context.skip(reason);
  }
  expect([build.status, build.status === 0 ? "" : build.stderr]).toEqual([0, ""]);
  const { image, bytesAboveBase } = JSON.parse(build.stdout) as { image: string; bytesAboveBase: number };
  expect(bytesAboveBase).toBeLessThan(3_000_000);

  const dir = await mkdtemp(join(tmpdir(), "holdfast-agent-image-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  // A container without a network: each request is refused there, which is all that this is to show.
  const ledger = await startLoad(
    {
      url: "http://127.0.0.1:9",
      ratePerSecond: 40,
      durationMs: 500,
      persistentSockets: 2,
      newShare: 1,
      requests: [{ name: "none", path: "/", weight: 1 }],
    },
    {
      ledgerFile: join(dir, "ledger.jsonl"),
      command: ["docker", "run", "--interactive", "--rm", "--read-only", "--cap-drop=ALL", "--network=none", image],
    },
  ).ended;
  expect(ledger.end?.stoppedBy).toBe("duration");
  expect(ledger.requests.map(({ fate }) => fate)).toEqual(Array.from({ length: 20 }, () => "refused"));
});
