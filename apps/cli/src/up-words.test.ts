import { expect, test } from "vitest";
import { sampleCluster } from "./cluster.fixture.ts";
import { unpainted } from "./paint.ts";
import { outcomeSentence, upLines } from "./up-words.ts";

test("the end of up: what was done, what runs where, the URLs, and what to try", () => {
  const report = { seconds: 84.2, releases: { catalogue: "installed", stock: "installed" }, image: "image" } as const;
  const lines = upLines(sampleCluster({ name: "second" }), { report, paint: unpainted });
  expect(lines).toContain("Ready after 1 min 24 s: catalogue and stock are installed.");
  expect(lines).toContain("zone-a          holdfast-worker          catalogue-1 and stock-1");
  expect(lines).toContain("  http://localhost:30080/api/products  the catalogue");
  expect(lines).toContain("  http://localhost:30090  Prometheus");
  expect(lines).toContain("  http://localhost:30428/select/vmui  log lines (VictoriaLogs)");
  expect(lines.some((line) => line.includes("Jaeger"))).toBe(false);
  const next = lines.slice(lines.indexOf("Next:") + 1, lines.indexOf("Next:") + 5);
  for (const line of next) expect(line).toMatch(/^ {2}\.\/holdfast .*--name second/);
  expect(next.map((line) => line.trim().split(" ")[1])).toEqual(["load", "trace", "run", "status"]);
  expect(lines.at(-1)).toContain("`./holdfast down --name second` removes all of it.");
});

test("a second up says whether it did anything", () => {
  expect(outcomeSentence({ releases: { catalogue: "unchanged", stock: "unchanged" } })).toBe(
    "everything was as it should be, nothing was changed.",
  );
  expect(outcomeSentence({ releases: { catalogue: "upgraded", stock: "unchanged" } })).toBe(
    "catalogue is upgraded, stock is unchanged.",
  );
});
