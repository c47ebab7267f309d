/** The namespace of one run: made by it, and gone after it. What an earlier run left, because it was killed, is removed first. */
import { hostname } from "node:os";
import type { Kubectl } from "@holdfast/cluster";
import { ExperimentError } from "../errors.ts";

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

/**
 * Makes room for this run. Until it resolves, nothing of that name is ours to delete.
 * @throws ExperimentError TARGET_FAILED where a namespace of that name is somebody else's, or another run's
 */
export async function clearNamespace(
  kubectl: Kubectl,
  opts: { name: string; note: (sentence: string) => void; signal: AbortSignal },
): Promise<void> {
  const { name, note, signal } = opts;
  const found = await findNamespace(kubectl, { name, signal });
  if (found) {
    refuseForeign(name, found);
    note(`removing the namespace ${name}, which an earlier run left behind`);
    await deleteNamespace(kubectl, { name, signal });
  }
}

export async function createNamespace(
  kubectl: Kubectl,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<void> {
  await kubectl.apply(
    [
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name,
          labels: { ...PART_OF, "pod-security.kubernetes.io/enforce": "restricted" },
          annotations: { [OWNER]: ownMark() },
        },
      },
    ],
    { signal },
  );
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

async function findNamespace(
  kubectl: Kubectl,
  { name, signal }: { name: string; signal: AbortSignal },
): Promise<NamespaceObject | undefined> {
  const text = await kubectl.run(["get", "namespace", name, "--ignore-not-found", "-o", "json"], { signal });
  return text.trim() === "" ? undefined : (JSON.parse(text) as NamespaceObject);
}

function refuseForeign(name: string, { metadata }: NamespaceObject): void {
  if (metadata.labels?.["app.kubernetes.io/part-of"] !== "holdfast") {
    throw new ExperimentError(
      "TARGET_FAILED",
      `The namespace ${name} is not the lab's, so it is left alone; remove it, or give the lab another one.`,
    );
  }
  const [host, pid] = (metadata.annotations?.[OWNER] ?? "").split("/");
  if (host === hostname() && isAlive(Number(pid))) {
    throw new ExperimentError(
      "TARGET_FAILED",
      `Another run (process ${pid}) works in the namespace ${name}; wait until it is done.`,
    );
  }
}

function ownMark(): string {
  return `${hostname()}/${process.pid}`;
}

function isAlive(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
