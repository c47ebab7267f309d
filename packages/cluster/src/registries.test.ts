import { expect, it } from "vitest";
import { hostsFiles } from "./registries.ts";

it("with a bundle, nodes ask its mirror before each upstream registry", () => {
  const files = hostsFiles({ name: "hf", registryPort: 5001, mirror: true });
  expect([...files.keys()]).toEqual([
    ...["docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "gcr.io"].map((host) => `${host}/hosts.toml`),
    "localhost:5001/hosts.toml",
  ]);
  expect(files.get("docker.io/hosts.toml")).toBe(`# The bundle's mirror first, the internet second.
server = "https://registry-1.docker.io"

[host."http://hf-mirror:5000/v2/docker.io"]
  capabilities = ["pull", "resolve"]
  # The path above is the whole of it: the mirror holds an image as host/path.
  override_path = true
`);
});

it("without one, nodes know only where our own pushes went", () => {
  const files = hostsFiles({ name: "hf", registryPort: 5001, mirror: false });
  expect([...files.keys()]).toEqual(["localhost:5001/hosts.toml"]);
  expect(files.get("localhost:5001/hosts.toml")).toContain(`[host."http://hf-registry:5000"]`);
});
