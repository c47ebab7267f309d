import { expect, test } from "vitest";
import { profileFile, profileNames, releaseValues } from "./app-releases.ts";

const image = {
  repository: "localhost:5001/holdfast/service",
  tag: "sha-0123456789ab",
  digest: "sha256:abc",
  reference: "localhost:5001/holdfast/service:sha-0123456789ab",
};

test("both releases run one image; the catalogue alone is reached from outside, and asks stock", () => {
  expect(releaseValues("catalogue", { image })).toEqual({
    image: { repository: image.repository, tag: image.tag, digest: image.digest },
    role: "catalogue",
    upstream: { url: "http://stock" },
    service: { type: "NodePort", nodePort: 30_080 },
  });
  expect(releaseValues("stock", { image })).toMatchObject({
    role: "stock",
    autoscaling: { mode: "none" },
    replicas: 2,
  });
  expect(releaseValues("stock", { image })).not.toHaveProperty("service");
});

test("the chart's profiles are those that up takes", async () => {
  expect(await profileNames()).toEqual(expect.arrayContaining(["dev", "ha", "workshop"]));
  expect(await profileFile("ha")).toMatch(/charts\/service\/values-ha\.yaml$/);
  await expect(profileFile("huge")).rejects.toMatchObject({ exitCode: 2 });
});
