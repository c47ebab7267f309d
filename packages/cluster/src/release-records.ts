/** Helm's own record of a release's revision, a Secret; and who was making it. */
import os from "node:os";
import { DEFAULT_TIMEOUT_SECONDS, HELM_MARGIN_SECONDS } from "./helm-times.ts";
import type { ObjectMeta } from "./kubernetes-types.ts";

/** The part of the Secret that is read. */
export interface ReleaseRecord {
  metadata: Pick<ObjectMeta, "name" | "labels" | "creationTimestamp">;
}

/** Helm puts it on the record, so that whoever finds one unfinished can tell whether its maker still lives. */
export const MAKER_LABEL = "holdfast.maker";

/** `4711.laptop`: a process and its machine. */
export function maker(pid: number = process.pid, host: string = os.hostname()): string {
  const name = host.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${pid}.${name}`.slice(0, 63).replace(/[^a-z0-9]+$/, "");
}

export function isUnfinished({ metadata }: ReleaseRecord): boolean {
  return metadata.labels?.["status"]?.startsWith("pending-") ?? false;
}

/** By then Helm has given up, or was ended by our own clock. */
const OLDEST_SECONDS = DEFAULT_TIMEOUT_SECONDS + HELM_MARGIN_SECONDS;

/** Which of these unfinished records nobody will finish, and which somebody may: by name. */
export function judgeRecords(
  records: readonly ReleaseRecord[],
  opts: { nowMs?: number; isAlive?: (pid: number) => boolean } = {},
): { dead: string[]; alive: string[] } {
  const { nowMs = Date.now(), isAlive = isRunning } = opts;
  const dead: string[] = [];
  const alive: string[] = [];
  for (const { metadata } of records) {
    const ageSeconds = (nowMs - Date.parse(metadata.creationTimestamp)) / 1000;
    const made = metadata.labels?.[MAKER_LABEL];
    const pid = Number.parseInt(made ?? "", 10);
    // A process installs a release once at a time: its own record is of an attempt that has ended.
    const ended = made === maker(pid) && (pid === process.pid || !isAlive(pid));
    (ended || ageSeconds > OLDEST_SECONDS ? dead : alive).push(metadata.name);
  }
  return { dead, alive };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
