import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maker } from "./release-records.ts";
import { createHelm } from "./helm.ts";
import { createKubectl } from "./kubectl.ts";

let dir: string;
let target: { file: string; kubeconfig: string; context: string };

/** A stand-in for kubectl and helm: keeps what it was given, and answers with the file `answer`. */
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "holdfast-clients-"));
  const file = path.join(dir, "tool");
  await writeFile(
    file,
    `#!/bin/sh
printf '%s\\n' "$@" > ${dir}/args
cat > ${dir}/stdin
echo "$KUBERC" > ${dir}/kuberc
cat ${dir}/answer 2>/dev/null || true
`,
  );
  await chmod(file, 0o755);
  target = { file, kubeconfig: "/state/kubeconfig", context: "kind-test" };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const given = async () => (await readFile(path.join(dir, "args"), "utf8")).trimEnd().split("\n");
const words = (line: string) => line.split(" ");
const stdin = () => readFile(path.join(dir, "stdin"), "utf8");
const answer = (text: string) => writeFile(path.join(dir, "answer"), text);

test("kubectl is told kubeconfig and context, and keeps off the person's own settings", async () => {
  await answer('{"items":[]}');
  expect(await createKubectl(target).json(["get", "pods"])).toEqual({ items: [] });
  expect(await given()).toEqual(words("--kubeconfig /state/kubeconfig --context kind-test get pods -o json"));
  expect(await readFile(path.join(dir, "kuberc"), "utf8")).toBe("off\n");
});

test("kubectl applies objects as one list by standard input", async () => {
  await createKubectl(target).apply([{ kind: "A" }], { namespace: "n", serverSide: true });
  expect((await given()).slice(4)).toEqual(
    words("apply -n n --server-side --force-conflicts --field-manager=holdfast -f -"),
  );
  expect(JSON.parse(await stdin())).toEqual({ apiVersion: "v1", kind: "List", items: [{ kind: "A" }] });
});

test("kubectl calls the API by path with each method", async () => {
  const kubectl = createKubectl(target);
  await kubectl.raw("/healthz");
  expect((await given()).slice(4)).toEqual(["get", "--raw", "/healthz"]);
  await kubectl.raw("/api/x", { method: "DELETE" });
  expect((await given()).slice(4)).toEqual(["delete", "--raw", "/api/x"]);
});

test("what is posted says that it is JSON, and an answer that is no success is thrown with its words", async () => {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    req.on("data", (body: Buffer) =>
      asked.push(`${req.method} ${req.url} ${req.headers["content-type"]} ${String(body)}`),
    );
    req.on("end", () => res.writeHead(req.url === "/api/x" ? 201 : 409).end("said"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    await answer(
      JSON.stringify({ clusters: [{ cluster: { server: `http://127.0.0.1:${port}` } }], users: [{ user: {} }] }),
    );
    const kubectl = createKubectl(target);
    expect(await kubectl.raw("/api/x", { method: "POST", body: '{"a":1}' })).toBe("said");
    expect((await given()).slice(4)).toEqual(words("config view --raw --minify -o json"));
    await expect(kubectl.raw("/api/y", { method: "POST", body: "{}", what: "fault it" })).rejects.toMatchObject({
      code: "TOOL_FAILED",
      message: "Could not fault it: POST /api/y was answered 409. It said: said",
    });
    expect(asked).toEqual(['POST /api/x application/json {"a":1}', "POST /api/y application/json {}"]);
  } finally {
    server.close();
  }
});

test("helm installs or upgrades with values by standard input, over those of files", async () => {
  await createHelm(target).upgrade({
    release: "catalogue",
    namespace: "holdfast",
    chart: "charts/service",
    valuesFiles: ["values-ha.yaml"],
    values: { replicas: 3 },
    wait: true,
  });
  expect(await given()).toEqual(
    words(
      "upgrade --install catalogue charts/service --namespace holdfast --values values-ha.yaml --values - --wait --timeout 120s " +
        `--labels holdfast.maker=${maker()} ` +
        "--kubeconfig /state/kubeconfig --kube-context kind-test",
    ),
  );
  expect(JSON.parse(await stdin())).toEqual({ replicas: 3 });
});

test("helm's list is read into releases", async () => {
  await answer(
    JSON.stringify([
      {
        name: "stock",
        namespace: "holdfast",
        revision: "2",
        updated: "now",
        status: "deployed",
        chart: "service-0.1.0",
        app_version: "0.1.0",
      },
    ]),
  );
  expect(await createHelm(target).list("holdfast")).toEqual([
    {
      name: "stock",
      namespace: "holdfast",
      revision: 2,
      status: "deployed",
      chart: "service-0.1.0",
      appVersion: "0.1.0",
    },
  ]);
});

test("a release without values of its own has none, which helm calls null", async () => {
  await answer("null\n");
  expect(await createHelm(target).values("stock", "holdfast")).toEqual({});
});
