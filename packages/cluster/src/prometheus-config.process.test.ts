import { existsSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { run } from "./run.ts";

const config = path.resolve(import.meta.dirname, "../../../k8s/platform/prometheus/prometheus.yml");
const promtool = [
  ...(process.env["PATH"] ?? "").split(path.delimiter),
  ...(process.env["HOLDFAST_BUNDLE"] === undefined ? [] : [path.join(process.env["HOLDFAST_BUNDLE"], "bin")]),
]
  .map((directory) => path.join(directory, "promtool"))
  .find((file) => existsSync(file));

test.skipIf(promtool === undefined)(
  "promtool accepts prometheus.yml (needs promtool on PATH or in a bundle)",
  async () => {
    const { stdout } = await run(promtool ?? "", ["check", "config", config]);
    expect(stdout).toContain("SUCCESS");
  },
);
