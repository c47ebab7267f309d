import { expect, test } from "vitest";
import { findExperiment } from "../catalogue.ts";
import { exampleLedger, exampleResult, exampleVerdict } from "../ledger.fixture.ts";
import type { RunResult } from "../result.ts";
import { withControlsOf } from "../suite.ts";
import { htmlPage } from "./page.ts";

const experiment = findExperiment("E1");
const ledger = exampleLedger({ lost: [{ atMs: 7000, fate: "reset", connection: "persistent" }] });
const ran: RunResult["ran"] = {
  name: "no-drain",
  because: "nothing waits",
  change: { path: "catalogue.shutdown.enabled", from: true, to: false },
  predict: { fates: ["reset"], connection: "new", windows: ["ending"] },
  asPredicted: true,
  expected: "FAIL",
};

function page(more: Partial<RunResult> = {}): string {
  return htmlPage({ experiment, ledger, result: exampleResult(exampleVerdict(ledger), more) });
}

test("the page asks nobody for anything", () => {
  const text = page();
  const found = (pattern: RegExp) => [...text.matchAll(pattern)].map(([match]) => match);
  // Whatever a browser would load by itself, or a script could ask for.
  expect(found(/<(?:link|img|iframe|object|embed|audio|video|source)\b/gi)).toEqual([]);
  expect(found(/\s(?:src|srcset|action)="/gi)).toEqual([]);
  expect(found(/href="(?:https?:)?\/\//gi)).toEqual([]);
  expect(found(/@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|importScripts|\bimport\(["'`]/g)).toEqual(
    [],
  );
  expect(text.includes(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`)).toBe(
    true,
  );
});

test("the verdict and its sentence stand above everything else, and the numbers are there without the script", () => {
  const text = page()
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replaceAll(/\s+/g, " ");
  expect(text.indexOf("1 of 2000 requests failed.")).toBeGreaterThan(text.indexOf("<h1>"));
  expect(text.indexOf("1 of 2000 requests failed.")).toBeLessThan(text.indexOf('id="timeline"'));
  expect(text.includes("1 failed (0 over new connections, 1 over kept-alive ones)")).toBe(true);
  expect(text).toMatch(/rollout-1<\/th>.*1 reset/);
  // What failed can be looked up in the logs.
  expect(text.includes(ledger.requests.find(({ fate }) => fate === "reset")?.traceId ?? "no trace id")).toBe(true);
});

test("hints and the solution are folded away", () => {
  const text = page();
  for (const words of [...experiment.hints, "preStop sleep on Kubernetes"]) {
    const before = text.slice(0, text.indexOf(words.replaceAll("'", "&#39;")));
    expect(before.lastIndexOf("<details>")).toBeGreaterThan(before.lastIndexOf("</details>"));
  }
});

test("nothing that a run brought can become markup or end the script", () => {
  const evil = `</script><script>alert(1)</script><img src=x onerror=alert(1)> "'&`;
  const text = htmlPage({
    experiment: { ...experiment, look: [evil] },
    ledger: { ...ledger, events: [{ type: "event", atMs: 1, name: "replica.ready", subject: evil }] },
    result: exampleResult(exampleVerdict(ledger), { reason: evil, versions: { service: evil } }),
  });
  expect(text.includes("<script>alert")).toBe(false);
  expect(text.includes("<img")).toBe(false);
  expect(text.match(/<\/script>/g)).toHaveLength(3);
});

test("a control's page says that it is one, what is different and that it fails as predicted", () => {
  const text = page({ ran });
  expect(text.includes("catalogue.shutdown.enabled: true -&gt; false")).toBe(true);
  expect(text.includes('<span class="tag">as predicted</span>')).toBe(true);
  expect(page({ ran: { ...ran, asPredicted: false } }).includes("not as predicted")).toBe(true);
});

test("an experiment's page shows its controls, each with a link to its own page", () => {
  const result = withControlsOf(exampleResult(exampleVerdict(ledger)), [
    exampleResult(exampleVerdict(ledger), { ran }),
  ]);
  expect(result.control?.expected).toBe("FAIL");
  expect(result.controls).toHaveLength(1);
  expect(htmlPage({ experiment, ledger, result }).includes('<a href="E1.control-no-drain.html">no-drain</a>')).toBe(
    true,
  );
});

test("a page of 20 000 requests stays below 2 MB", () => {
  const requests = Array.from({ length: 10 }, () => ledger.requests).flat();
  expect(
    htmlPage({ experiment, ledger: { ...ledger, requests }, result: exampleResult(exampleVerdict(ledger)) }).length,
  ).toBeLessThan(2_000_000);
});
