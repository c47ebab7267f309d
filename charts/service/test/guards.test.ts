/** Each guard both ways: values that are refused with its sentence, and the nearest ones that are not. */
import { readFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { guards } from "./guard-cases.ts";
import { chart, runHelm } from "./helm.ts";
import { render } from "./render.ts";

describe.each(Object.entries(guards))("%s", (_name, { refused, accepted }) => {
  test.each(refused)("is refused: %j", (values, ...words) => {
    const { status, error } = render({ values });
    expect(status).not.toBe(0);
    for (const word of words) expect(error).toContain(word);
    expect(error.split("\n")).toHaveLength(1);
  });
  test.each(accepted)("is not seen in %j", (values) => {
    expect(render({ values }).error).toBe("");
  });
});

test("a release's name that no Service may have is refused", () => {
  expect(render({ release: "2024-catalogue" }).error).toMatch(
    /"2024-catalogue" cannot name a Service.*fullnameOverride/,
  );
  expect(render({ release: "shop.catalogue" }).error).toContain('"shop.catalogue" cannot name a Service');
  expect(render({ release: "2024-catalogue", values: { fullnameOverride: "catalogue" } }).error).toBe("");
});

test("all that is wrong is said at once", () => {
  const { error } = render({
    values: { faults: { enabled: true }, pdb: { maxUnavailable: 0 }, longestRequestSeconds: 20 },
  });
  expect(error.split("\n")).toHaveLength(3);
});

test("without any values helm says how to get an image", () => {
  const { status, stderr } = runHelm(["template", "catalogue", chart]);
  expect(status).not.toBe(0);
  expect(stderr).toContain("image.repository is not set");
});

test("every guard is on the list that is asked, and has its test here", async () => {
  const source = await readFile(`${chart}/templates/_guards.tpl`, "utf8");
  const defined = [...source.matchAll(/define "service\.guard\.(\w+)"/g)].map(([, name]) => name);
  const [, list = ""] = /\$names := list ([^}]*?)-}}/s.exec(source) ?? [];
  const asked = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  expect(asked).toEqual(defined);
  // replicasKept needs a live release: its tests are live-release.process.test.ts, and scaler-handover of `npm run e2e`.
  expect(Object.keys(guards)).toHaveLength(defined.length - 1);
});
