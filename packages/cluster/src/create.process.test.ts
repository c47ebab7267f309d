/** What `up` says where it cannot begin; all of it without a Docker daemon. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCluster } from "./create.ts";
import { deleteCluster } from "./delete.ts";
import { openCluster } from "./open.ts";
import type { Step } from "./progress.ts";

const shapeFile = fileURLToPath(new URL("../../../k8s/kind/three-zones.yaml", import.meta.url));
const ports = { app: 0, lab: 0, prometheus: 0, logs: 0, traces: 0, registry: 0 };

describe("up on a machine that lacks something", () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), "holdfast-up-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** Stands in for Docker's client; the daemon behind it is the script. */
  async function docker(script: string): Promise<string> {
    const file = path.join(dir, "docker");
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  }

  function up(dockerFile: string, change: Partial<Parameters<typeof createCluster>[0]> = {}) {
    const tools = { docker: dockerFile, kind: "/bin/sh", kubectl: "/bin/sh", helm: "/bin/sh" };
    const steps: Step[] = [];
    const progress = (step: Step) => steps.push(step);
    return createCluster({ name: "hf-unit", stateDir: dir, tools, shapeFile, ports, progress, ...change });
  }

  it("says how to get Docker where there is none", async () => {
    await expect(up("/nowhere/docker")).rejects.toMatchObject({
      code: "PREFLIGHT",
      message: expect.stringMatching(/^Docker is not installed: .*Install Docker/),
    });
  });

  it("says how to start Docker where it does not answer, and who may ask it", async () => {
    const stopped = await docker(
      'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock" >&2; exit 1',
    );
    await expect(up(stopped)).rejects.toThrow(/^Docker does not answer.*Start it/);
    const refused = await docker('echo "permission denied while trying to connect" >&2; exit 1');
    await expect(up(refused)).rejects.toThrow(/^Docker refuses this user\. .*usermod/);
  });

  it("names Docker, a taken port, a missing program and a bad bundle at once", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen({ port: 0, host: "127.0.0.1" }, () => resolve((server.address() as { port: number }).port));
    });
    const tools = { docker: "/nowhere/docker", kind: "/nowhere/kind", kubectl: "/bin/sh", helm: "/bin/sh" };
    const failed = up("", { tools, ports: { ...ports, lab: port }, bundleDir: dir });
    await expect(failed).rejects.toMatchObject({ code: "PREFLIGHT" });
    await expect(failed).rejects.toThrow("The program /nowhere/kind is not there");
    await expect(failed).rejects.toThrow("Docker is not installed");
    await expect(failed).rejects.toThrow(`Port ${port} (--lab-port) is taken`);
    await expect(failed).rejects.toThrow("is no bundle");
    server.close();
  });

  it("names the Kubernetes versions that there are", async () => {
    await expect(up("/nowhere/docker", { kubernetes: "1.12" })).rejects.toMatchObject({
      code: "BAD_OPTIONS",
      message: expect.stringMatching(/Kubernetes 1\.12\. There are 1\.34, 1\.35, 1\.36, 1\.37/),
    });
  });

  it("says that nothing is lost when it is stopped", async () => {
    await expect(up("/nowhere/docker", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringMatching(/`\.\/holdfast up --name hf-unit` completes the cluster "hf-unit"/),
    });
  });

  it("tells an absent cluster from a broken one, and removes nothing where there is nothing", async () => {
    const empty = await docker("exit 0");
    const opts = { name: "hf-unit", stateDir: dir, tools: { docker: empty, kind: "", kubectl: "", helm: "" } };
    await expect(openCluster(opts)).rejects.toMatchObject({ code: "CLUSTER_ABSENT" });
    expect(await deleteCluster({ ...opts, progress: () => {} })).toEqual({ removed: [] });
  });
});
