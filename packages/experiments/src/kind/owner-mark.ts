/** Which process owns something in the cluster, in a word that outlives it: host, process id, and when that process began. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";

export async function ownerMark(pid = process.pid): Promise<string> {
  return [hostname(), pid, await birthOf(pid)].join("/");
}

/**
 * The process that a mark names, if it runs on this machine and is not this one. Process ids are used again, after a restart of the machine
 * soon: a process of that number that began at another time is somebody else.
 */
export async function livingOwner(mark: string): Promise<number | undefined> {
  const [host, id, birth] = mark.split("/");
  const pid = Number(id);
  if (host !== hostname() || !isAlive(pid)) return undefined;
  const now = await birthOf(pid);
  // Where nobody can tell, it is left alone.
  return birth && now && birth !== now ? undefined : pid;
}

/** A word that no later process of that number has, or "" where the system does not tell. */
async function birthOf(pid: number): Promise<string> {
  try {
    if (process.platform === "linux") {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8");
      // Ticks since the machine's start, the 22nd field. The 2nd is a name in brackets, in which there may be blanks.
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
    }
    const env = { ...process.env, LC_ALL: "C", TZ: "UTC0" };
    const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)], { env });
    return stdout.trim().replaceAll(/\s+/g, "-");
  } catch {
    return "";
  }
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
