import { ClusterError, type Kubectl } from "@holdfast/cluster";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { takeLease } from "./lease.ts";

/** An API server with one lease, or none. */
function server(holder?: string, { conflict = false } = {}) {
  const calls: string[] = [];
  let lease =
    holder === undefined ? undefined : { metadata: { resourceVersion: "7" }, spec: { holderIdentity: holder } };
  const kubectl: Pick<Kubectl, "run"> = {
    async run(args, opts = {}) {
      const [verb = ""] = args;
      calls.push(verb);
      if (verb === "get") return JSON.stringify(lease);
      if (verb === "delete") lease = undefined;
      if (verb === "create" && lease) throw new ClusterError("TOOL_FAILED", 'leases "holdfast-e2e" already exists');
      if (verb === "replace" && conflict) throw new ClusterError("TOOL_FAILED", "the object has been modified");
      if (verb === "create" || verb === "replace") lease = JSON.parse(opts.input ?? "");
      return "";
    },
  };
  return { cluster: { kubectl }, calls, lease: () => lease };
}
const never = new AbortController().signal;

test("a free cluster is taken, and given back", async () => {
  const { cluster, calls, lease } = server();
  const giveBack = await takeLease(cluster, never);
  expect(lease()?.spec.holderIdentity).toContain(`/${process.pid}/`);
  await giveBack();
  expect(calls).toEqual(["create", "delete"]);
});

test("a cluster on which another e2e works is refused, and stays its own", async () => {
  const { cluster, calls } = server(`${hostname()}/${process.ppid}/`);
  await expect(takeLease(cluster, never)).rejects.toThrow(`Another \`./holdfast e2e\` (process ${process.ppid})`);
  expect(calls).toEqual(["create", "get"]);
});

test("what a killed e2e left is taken over, by its version, so that only one of two gets it", async () => {
  const left = server(`${hostname()}/2147483646/1`);
  await takeLease(left.cluster, never);
  expect(left.lease()?.metadata.resourceVersion).toBe("7");
  const late = server(`${hostname()}/2147483646/1`, { conflict: true });
  await expect(takeLease(late.cluster, never)).rejects.toThrow("Another `./holdfast e2e` (just begun)");
});
