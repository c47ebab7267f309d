/** One e2e at a time on a cluster: their namespaces have the same names, and each removes what an interrupted one left. */
import { ClusterError, type Kubectl } from "@holdfast/cluster";
import { livingOwner, ownerMark } from "@holdfast/experiments";
import { E2eError } from "./e2e-error.ts";

const LEASE = "holdfast-e2e";
const NAMESPACE = "default";
const AT = [LEASE, "--namespace", NAMESPACE];

interface Lease {
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec?: { holderIdentity?: string };
}

/**
 * Takes the cluster for this process; what a killed one left is taken over. @returns how to give it back.
 * @throws E2eError where another e2e works on it
 */
export async function takeLease(
  { kubectl }: { kubectl: Pick<Kubectl, "run"> },
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const wanted: Lease = {
    metadata: { name: LEASE, namespace: NAMESPACE },
    spec: { holderIdentity: await ownerMark() },
  };
  const write = (verb: "create" | "replace", lease: Lease) =>
    kubectl.run([verb, "-f", "-"], {
      input: JSON.stringify({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...lease }),
      what: "take the cluster for this run",
      signal,
    });
  try {
    await write("create", wanted);
  } catch (error) {
    if (!(error instanceof ClusterError) || !/AlreadyExists|already exists/.test(error.message)) throw error;
    const found = JSON.parse(await kubectl.run(["get", "lease", ...AT, "-o", "json"], { signal })) as Lease;
    const holder = await livingOwner(found.spec?.holderIdentity ?? "");
    if (holder !== undefined) throw taken(`process ${holder}`);
    const { resourceVersion } = found.metadata;
    await write("replace", {
      ...wanted,
      metadata: { ...wanted.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    }).catch((error: unknown) => {
      // Somebody has taken it over between the two.
      if (error instanceof ClusterError && /Conflict|has been modified/.test(error.message)) throw taken("just begun");
      throw error;
    });
  }
  return async () => {
    await kubectl.run(["delete", "lease", ...AT, "--ignore-not-found"], { what: "give the cluster back" });
  };
}

function taken(who: string): E2eError {
  return new E2eError(`Another \`./holdfast e2e\` (${who}) works on this cluster: wait until it is done.`);
}
