import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { profileFile, profileNames, releaseValues } from "./app-releases.ts";

const image = {
  repository: "localhost:5001/holdfast/service",
  tag: "sha-0123456789ab",
  digest: "sha256:abc",
  reference: "localhost:5001/holdfast/service:sha-0123456789ab",
};

test("both releases run one image; the catalogue alone is reached from outside, and asks stock", () => {
  expect(releaseValues("catalogue", { image, profile: "workshop" })).toEqual({
    image: { repository: image.repository, tag: image.tag, digest: image.digest },
    role: "catalogue",
    upstream: { url: "http://stock" },
    service: { type: "NodePort", nodePort: 30_080 },
  });
  expect(releaseValues("stock", { image, profile: "workshop" })).toMatchObject({
    role: "stock",
    autoscaling: { mode: "none" },
    replicas: 2,
  });
  expect(releaseValues("stock", { image, profile: "workshop" })).not.toHaveProperty("service");
});

test("spans go to the platform in every profile: where the profile itself does not say so, up does", async () => {
  const endpoint = "http://trace-gateway.monitoring:4318";
  for (const profile of await profileNames()) {
    const values = JSON.stringify(releaseValues("stock", { image, profile }));
    const file = await readFile(await profileFile(profile), "utf8");
    expect([profile, values.includes(endpoint) || file.includes(endpoint)]).toEqual([profile, true]);
  }
});

test("the chart's profiles are those that up takes", async () => {
  expect(await profileNames()).toEqual(expect.arrayContaining(["dev", "ha", "workshop"]));
  expect(await profileFile("ha")).toMatch(/charts\/service\/values-ha\.yaml$/);
  await expect(profileFile("huge")).rejects.toMatchObject({ exitCode: 2 });
});
