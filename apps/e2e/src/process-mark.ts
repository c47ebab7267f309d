/** Who holds something that others can see: a process, and whether it still runs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** `host/pid/start`: the start tells a process from a later one of the same number. */
export function ownMark(): string {
  return [hostname(), process.pid, startOf(process.pid) ?? "unknown"].join("/");
}

/** The pid of another process of this machine that made the mark and still runs. */
export function holderOf(mark: string): number | undefined {
  const [host, number, start] = mark.split("/");
  const pid = Number(number);
  if (host !== hostname() || !(pid > 0) || pid === process.pid || !isAlive(pid)) return undefined;
  const now = startOf(pid);
  // Where it cannot be told, it counts as the same: better wait once too often.
  return now === undefined || start === "unknown" || now === start ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When it started, as a word that is the same whenever it is asked for. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" })
        .trim()
        .replaceAll(/\s+/g, "-");
    }
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // "1234 (name) S 1 ...": the name may hold anything, so fields are counted from the last parenthesis; the 22nd is the start.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
