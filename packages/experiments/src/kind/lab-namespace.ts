/** The namespace of one run: made by it, and gone after it. What an earlier run left, because it was killed, is removed first. */
import { ClusterError, type Kubectl } from "@holdfast/cluster";
import { ExperimentError } from "../errors.ts";
import { findObject } from "./find-object.ts";
import { livingOwner, ownerMark } from "./owner-mark.ts";

const PART_OF = { "app.kubernetes.io/part-of": "holdfast" };
/** Which process owns it, so that one run does not take another's away. */
const OWNER = "holdfast/lab-run";
/** Its pods get their grace period, of some 30 s. */
const DELETE_TIMEOUT_MS = 120_000;

interface NamespaceObject {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** @throws ExperimentError TARGET_FAILED where a namespace of that name is somebody else's, or another run's that goes on */
export async function refuseOccupied(
  kubectl: Kubectl,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<void> {
  const found = await findNamespace(kubectl, { name, signal });
  if (found) await refuseForeign(name, found);
}

/**
 * Makes room for this run, and says whether an earlier one was broken off. Until `createNamespace` resolves, nothing of that
 * name is ours to delete.
 * @throws ExperimentError as `refuseOccupied`
 */
export async function clearNamespace(
  kubectl: Kubectl,
  opts: { name: string; note: (sentence: string) => void; signal: AbortSignal },
): Promise<boolean> {
  const { name, note, signal } = opts;
  const found = await findNamespace(kubectl, { name, signal });
  if (!found) return false;
  await refuseForeign(name, found);
  note(`removing the namespace ${name}, which an earlier run left behind`);
  await deleteNamespace(kubectl, { name, signal });
  return true;
}

/**
 * Made, not applied: of two runs that begin together one is refused. Nothing interrupts it, since whoever is broken off
 * would not know whether the namespace is theirs.
 * @throws ExperimentError TARGET_FAILED where it is there by now
 */
export async function createNamespace(kubectl: Kubectl, { name }: { name: string }): Promise<void> {
  const namespace = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: { ...PART_OF, "pod-security.kubernetes.io/enforce": "restricted" },
      annotations: { [OWNER]: await ownerMark() },
    },
  };
  try {
    await kubectl.run(["create", "-f", "-"], {
      input: JSON.stringify(namespace),
      what: `make the namespace ${name}`,
    });
  } catch (error) {
    if (!(error instanceof ClusterError && error.message.includes("(AlreadyExists)"))) throw error;
    throw new ExperimentError(
      "TARGET_FAILED",
      `Another run has just made the namespace ${name}; wait until it is done.`,
      { cause: error },
    );
  }
}

/** Resolves when it is gone. One that is not there is no error. */
export async function deleteNamespace(kubectl: Kubectl, opts: { name: string; signal?: AbortSignal }): Promise<void> {
  const { name, signal } = opts;
  await kubectl.run(["delete", "namespace", name, "--ignore-not-found", "--wait=true", "--timeout=110s"], {
    what: `remove the namespace ${name}`,
    timeoutMs: DELETE_TIMEOUT_MS,
    ...(signal ? { signal } : {}),
  });
}

function findNamespace(
  kubectl: Kubectl,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<NamespaceObject | undefined> {
  return findObject<NamespaceObject>(kubectl, ["namespace", name], { signal });
}

async function refuseForeign(name: string, { metadata }: NamespaceObject): Promise<void> {
  if (metadata.labels?.["app.kubernetes.io/part-of"] !== "holdfast") {
    throw new ExperimentError(
      "TARGET_FAILED",
      `The namespace ${name} is not the lab's, so it is left alone; remove it, or give the lab another one.`,
    );
  }
  const pid = await livingOwner(metadata.annotations?.[OWNER] ?? "");
  if (pid !== undefined) {
    throw new ExperimentError(
      "TARGET_FAILED",
      `Another run (process ${pid}) works in the namespace ${name}; wait until it is done.`,
    );
  }
}
