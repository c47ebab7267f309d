import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { freePorts, judgeMachine, preflightError } from "./preflight.ts";
import type { MachineFacts, Wish } from "./preflight.ts";

const giB = 2 ** 30;
const docker = {
  version: "28.2.2",
  memoryBytes: 16 * giB,
  cgroupVersion: 2,
  rootDir: "/var/lib/docker",
  machine: "laptop",
  platform: "linux/amd64",
};
const good: MachineFacts = {
  docker,
  missingTools: [],
  memoryFreeBytes: 12 * giB,
  diskFreeBytes: 50 * giB,
  inotify: { instances: 512, watches: 524_288 },
  takenPorts: [],
};
const wish: Wish = { nodes: 4, ports: [{ flag: "--port", port: 30_080 }], kubernetes: "v1.36.4" };

function texts(facts: Partial<MachineFacts>, change: Partial<Wish> = {}): string[] {
  return judgeMachine({ ...good, ...facts }, { ...wish, ...change }).map(({ id, text }) => `${id}: ${text}`);
}

describe("the preflight", () => {
  it("has nothing to say about a good machine", () => {
    expect(texts({})).toEqual([]);
  });

  it("says what is free, what is wanted and what to do about memory and disk", () => {
    expect(texts({ memoryFreeBytes: 3 * giB, diskFreeBytes: 2.5 * giB })).toEqual([
      expect.stringMatching(/^memory: This machine has 3 GiB of memory free; 4 nodes want 6 GiB\. End something/),
      expect.stringMatching(/^disk: Docker's disk has 2\.5 GiB free; 8 GiB are wanted\. .*docker system prune/),
    ]);
  });

  it("takes Docker's own memory where Docker runs in a machine of its own", () => {
    const away = { docker: { ...docker, memoryBytes: 4 * giB }, memoryFreeBytes: undefined };
    expect(texts(away)).toEqual([expect.stringMatching(/^memory: Docker has 4 GiB of memory in all/)]);
    expect(texts(away, { nodes: 1 })).toEqual([]);
  });

  it("gives the command for inotify limits", () => {
    expect(texts({ inotify: { instances: 128, watches: 524_288 } })).toEqual([
      expect.stringMatching(/^inotify: fs\.inotify\.max_user_instances is 128, .* sudo sysctl -w fs\.inotify/),
    ]);
  });

  it("knows that Kubernetes 1.37 needs cgroup v2", () => {
    const old = { docker: { ...docker, cgroupVersion: 1 } };
    expect(texts(old)).toEqual([]);
    expect(texts(old, { kubernetes: "kindest/node:v1.37.0@sha256:abc" })).toEqual([
      expect.stringMatching(
        /^cgroup: Docker runs on cgroup v1, and Kubernetes 1\.37 needs v2\. Choose --kubernetes 1\.36/,
      ),
    ]);
  });

  it("refuses a bundle for another kind of machine and a Docker that is too old", () => {
    const bundle = { dir: "/media/bundle", platform: "linux/arm64" };
    expect(texts({ docker: { ...docker, version: "19.3.1" } }, { bundle })).toEqual([
      expect.stringMatching(/^docker: Docker's version is 19\.3\.1; 20\.10 or newer/),
      expect.stringMatching(/^bundle: The bundle \/media\/bundle is for linux\/arm64, Docker runs linux\/amd64/),
    ]);
  });

  it("names the option of a port that is taken, given twice or none", () => {
    const ports = [
      { flag: "--port", port: 30_080 },
      { flag: "--lab-port", port: 30_080 },
      { flag: "--prometheus-port", port: 70_000 },
      { flag: "--registry-port", port: 0 },
    ];
    const found = texts({ takenPorts: [{ flag: "--port", port: 30_080 }] }, { ports });
    expect(found).toEqual([
      expect.stringMatching(/^ports: Port 30080 \(--port\) is taken on 127\.0\.0\.1\. .*another by --port \(0 = any/),
      expect.stringMatching(/^ports: --port and --lab-port both name port 30080/),
      expect.stringMatching(/^ports: --prometheus-port 70000 is no port/),
    ]);
  });

  it("asks nothing of a machine whose cluster is there", () => {
    const poor = { memoryFreeBytes: giB, diskFreeBytes: giB, inotify: { instances: 1, watches: 1 } };
    expect(texts(poor, { nodes: 0 })).toEqual([]);
  });

  it("says all of it at once, under a code that fits", () => {
    const ports = judgeMachine({ ...good, takenPorts: [{ flag: "--port", port: 30_080 }] }, wish);
    expect(preflightError(ports)).toMatchObject({ code: "PORT_TAKEN", message: expect.stringContaining("--port") });
    const all = judgeMachine(
      { ...good, docker: { error: "Docker does not answer." }, missingTools: ["/x/kind"] },
      wish,
    );
    expect(preflightError([...all, ...ports])).toMatchObject({
      code: "PREFLIGHT",
      message: expect.stringMatching(
        /cannot run the cluster yet:\n- The program \/x\/kind.*\n- Docker does not answer\.\n- Port 30080/,
      ),
    });
  });
});

it("free ports are different ones that can be listened on", async () => {
  const ports = await freePorts(4);
  expect(new Set(ports).size).toBe(4);
  for (const port of ports) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: "127.0.0.1" }, resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  }
});
