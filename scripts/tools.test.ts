import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ensureTool, isOlder } from "./tools.mjs";

const RELEASE = "#!/bin/sh\necho helm v4.2.4\n";
const platform = "linux-x64";

let server: Server;
let requests = 0;
let url: string;
let dir: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests++;
    if (request.url === "/never") return;
    response.statusCode = request.url === "/helm" ? 200 : 404;
    response.end(RELEASE);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "holdfast-tools-"));
  requests = 0;
  return () => rmSync(dir, { recursive: true, force: true });
});

/** A program that says its version. */
function program(folder: string, version: string): string {
  mkdirSync(path.join(dir, folder), { recursive: true });
  const file = path.join(dir, folder, "helm");
  writeFileSync(file, `#!/bin/sh\necho v${version}+g43e8b7f\n`, { mode: 0o755 });
  return file;
}

function toolsWith(source: object = {}) {
  const sha256 = createHash("sha256").update(RELEASE).digest("hex");
  return {
    helm: {
      versionArgs: ["version"],
      oldest: "3.21.0",
      install: "https://helm.sh/docs/intro/install",
      sources: { [platform]: { version: "4.2.4", url: `${url}/helm`, sha256, ...source } },
    },
  };
}

/** A bundle with helm in it, of which its list says these. */
function bundled(list: { platform?: string; tools?: object[] } = {}): string {
  const file = program("bundle/bin", "4.2.3");
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  const tools = [{ name: "helm", version: "4.2.3", file: "bin/helm", sha256 }];
  writeFileSync(path.join(dir, "bundle", "bundle.json"), JSON.stringify({ platform: "linux/amd64", tools, ...list }));
  return file;
}

/** With a PATH of these folders only. */
function find(opts: { path?: string[]; bundle?: string; source?: object; platform?: string; patienceMs?: number }) {
  const env = {
    PATH: (opts.path ?? []).map((folder) => path.join(dir, folder)).join(path.delimiter),
    ...(opts.bundle !== undefined && { HOLDFAST_BUNDLE: path.join(dir, opts.bundle) }),
  };
  const cache = path.join(dir, "cache");
  const { patienceMs = 10_000 } = opts;
  return ensureTool("helm", {
    env,
    cache,
    platform: opts.platform ?? platform,
    tools: toolsWith(opts.source),
    patienceMs,
  });
}

const fetched = () => path.join(dir, "cache", "helm", `4.2.4-${platform}`, "helm");
const leftOver = () => (existsSync(path.join(dir, "cache")) ? readdirSync(path.join(dir, "cache", "helm")) : []);

describe("a tool", () => {
  test("comes out of the bundle before PATH is asked", async () => {
    const file = bundled();
    program("bin", "4.9.0");
    expect(await find({ path: ["bin"], bundle: "bundle" })).toBe(file);
  });

  test("comes from PATH when the bundle's list does not name it", async () => {
    bundled({ tools: [] });
    const installed = program("bin", "3.21.0");
    expect(await find({ path: ["nowhere", "bin"], bundle: "bundle" })).toBe(installed);
  });

  test("of the bundle is read whole once, and again when it has changed", async () => {
    const file = bundled();
    const before = new Date(1_700_000_000_000);
    utimesSync(file, before, before);
    await find({ bundle: "bundle" });
    const verified = path.join(dir, "cache", "verified.json");
    expect(Object.keys(JSON.parse(readFileSync(verified, "utf8")))).toEqual([file]);
    // As long and as old as before: only who reads it would see that it is another one.
    writeFileSync(file, readFileSync(file, "utf8").replace("4.2.3", "4.2.9"));
    utimesSync(file, before, before);
    expect(await find({ bundle: "bundle" })).toBe(file);
    utimesSync(file, before, new Date());
    await expect(find({ bundle: "bundle" })).rejects.toThrow(/helm is not what \S+bundle\.json says \(sha256\)/);
  });

  test.each([
    ["is not there", () => rmSync(bundled()), /bin\/helm is named by \S+\/bundle\.json, and is no program there/],
    [
      "is another one",
      () => writeFileSync(bundled(), "other"),
      /bin\/helm is not what \S+\/bundle\.json says \(sha256\)/,
    ],
    [
      "is for other machines",
      () => bundled({ platform: "linux/arm64" }),
      /bundle\.json is of a bundle for linux\/arm64, and this machine is linux\/amd64/,
    ],
    ["is in no bundle", () => mkdirSync(path.join(dir, "bundle")), /names no bundle: \S+\/bundle\.json cannot be read/],
  ])("of the bundle that %s is refused, though PATH has one", async (_what, make, sentence) => {
    make();
    program("bin", "4.9.0");
    await expect(find({ path: ["bin"], bundle: "bundle" })).rejects.toThrow(sentence);
  });

  test("that is too old on PATH is passed over for a newer one further on", async () => {
    program("old", "3.20.9");
    const newer = program("new", "4.0.0");
    expect(await find({ path: ["old", "new"] })).toBe(newer);
    expect(requests).toBe(0);
  });

  test("that is only too old on PATH is fetched once, by its hash", async () => {
    program("old", "3.20.9");
    expect(await find({ path: ["old"] })).toBe(fetched());
    expect(readFileSync(fetched(), "utf8")).toBe(RELEASE);
    expect(await find({ path: ["old"] })).toBe(fetched());
    expect(requests).toBe(1);
    expect(leftOver()).toEqual([`4.2.4-${platform}`]);
  });

  test("with another hash is refused, and nothing of it is left", async () => {
    await expect(find({ source: { sha256: "00".repeat(32) } })).rejects.toThrow(
      /has the hash sha256-\S+, not the pinned sha256-AAAA\S+: it is not used.*\n.*Or install helm 3\.21\.0 or newer yourself/,
    );
    expect(leftOver()).toEqual([]);
  });

  test("that cannot be fetched says from where, why, and what to do", async () => {
    await expect(find({ source: { url: `${url}/gone` } })).rejects.toThrow(
      /Could not fetch \S+\/gone: the answer was 404\. Connect this machine \(behind a proxy: HTTPS_PROXY.+\), or name a bundle by HOLDFAST_BUNDLE/,
    );
    await expect(find({ source: { url: "http://127.0.0.1:1/helm" } })).rejects.toThrow(/Could not fetch/);
    await expect(find({ source: { url: `${url}/never` }, patienceMs: 100 })).rejects.toThrow(
      /Could not fetch \S+\/never: it was not here after 0\.1 s\. Connect this machine \(behind a proxy/,
    );
    expect(leftOver()).toEqual([]);
  });

  test("that is not to be had for this platform says how to install it", async () => {
    program("old", "3.1.0");
    await expect(find({ path: ["old"], platform: "sunos-x64" })).rejects.toThrow(
      /^helm 3\.21\.0 or newer is needed, and \S+\/old\/helm is 3\.1\.0\. Install it \(https:/,
    );
  });

  test("that is none of ours is refused", async () => {
    await expect(ensureTool("kubeadm")).rejects.toThrow('There is no tool "kubeadm" here: helm, kubectl, kind.');
  });
});

test.each([
  ["3.20.9", "3.21.0", true],
  ["3.21.0", "3.21.0", false],
  ["4.0.0", "3.21.0", false],
  ["3.9.0", "3.21.0", true],
  ["1.36.10", "1.36.9", false],
])("%s is older than %s: %s", (version, than, older) => expect(isOlder(version, than)).toBe(older));
