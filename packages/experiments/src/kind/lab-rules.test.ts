import type { Cluster } from "@holdfast/cluster";
import { expect, test, vi } from "vitest";
import { createLabRules } from "./lab-rules.ts";

const calls: string[] = [];
vi.mock(import("@holdfast/cluster"), async (original) => ({
  ...(await original()),
  loadRules: async ({ name }: { name: string }, { release, namespace, values }) => {
    calls.push(`load ${namespace}/${release} into ${name} with ${JSON.stringify(values)}`);
    if (release === "broken") throw new Error("no PrometheusRule");
    return { groups: 1, rules: [] };
  },
  unloadRules: async (_cluster: unknown, { release, namespace }) => void calls.push(`unload ${namespace}/${release}`),
  readAlerts: async () => [alertIn("lab"), alertIn("holdfast")],
  readTargets: async () => [
    { pod: "a", namespace: "lab", health: "up", lastError: "" },
    { pod: "b", namespace: "lab", health: "down", lastError: "connection refused" },
    { pod: "c", namespace: "holdfast", health: "up", lastError: "" },
    { health: "up", lastError: "" },
  ],
}));

function alertIn(namespace: string) {
  return { name: "High", state: "firing" as const, labels: { namespace }, activeAt: "2026-01-01T00:00:00Z" };
}

function labRules(opts: { release: string; there?: string }) {
  calls.length = 0;
  const cluster = { name: "dev", kubectl: { run: async () => opts.there ?? "" } } as unknown as Cluster;
  const notes: string[] = [];
  const rules = createLabRules({
    cluster,
    chart: "chart",
    namespace: "lab",
    release: opts.release,
    values: () => ({ replicas: 3 }),
    note: (sentence) => notes.push(sentence),
  });
  return { rules, notes };
}

const { signal } = new AbortController();

test("a run's rules are loaded with the values of its release, and go with it", async () => {
  const { rules } = labRules({ release: "nobody" });
  await rules.load({ signal });
  await rules.unload();
  await rules.unload();
  expect(calls).toEqual(['load lab/nobody into dev with {"replicas":3}', "unload lab/nobody"]);
});

test("a run that needs none loads none, and takes none away", async () => {
  const { rules } = labRules({ release: "", there: JSON.stringify({ data: { "holdfast-catalogue.yml": "" } }) });
  await rules.load({ signal });
  await rules.unload();
  expect(calls).toEqual([]);
});

test("rules of which nobody knows whether they were loaded go too", async () => {
  const { rules } = labRules({ release: "broken" });
  await expect(rules.load({ signal })).rejects.toThrow("no PrometheusRule");
  await rules.unload();
  expect(calls.at(-1)).toBe("unload lab/broken");
});

test("what a killed run has left is removed, and said; others' rules stay", async () => {
  const data = { "lab-catalogue.yml": "groups: []", "labour-catalogue.yml": "", "holdfast-catalogue.yml": "" };
  const { rules, notes } = labRules({ release: "nobody", there: JSON.stringify({ data }) });
  await rules.load({ signal });
  expect(calls.map((call) => call.split(" with")[0])).toEqual(["unload lab/catalogue", "load lab/nobody into dev"]);
  expect(notes[0]).toContain("removing the rules of catalogue");
});

test("only what is about the lab's own namespace is told", async () => {
  const { rules } = labRules({ release: "catalogue" });
  expect(await rules.calls.readAlerts()).toEqual([alertIn("lab")]);
  expect(await rules.calls.scrapedPods()).toEqual(["a"]);
});
