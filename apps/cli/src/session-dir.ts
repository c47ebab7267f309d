import { createHash, randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { askControl } from "./control-socket.ts";
import { CliError, fileTrouble, errorCode, usageError } from "./cli-error.ts";
import { REPO_ROOT } from "./repo.ts";

/** Where a running `start` of this checkout keeps its socket, its replicas' logs and its ledger. */
export interface SessionDir {
  readonly name: string;
  readonly path: string;
  readonly socket: string;
}

export const DEFAULT_SESSION = "default";

/** Unix-domain socket paths end at 104 bytes on macOS and 108 on Linux, the terminating zero included. */
const LONGEST_SOCKET_PATH = 103;
/** No owner file stays unwritten for so long whose owner lives. */
const UNWRITTEN_MS = 5_000;

/** The directory of a session. One for each checkout, user and name; made by `claim`, not here. */
export function sessionDir(name: string = DEFAULT_SESSION): SessionDir {
  if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(name)) {
    throw usageError(
      `--name takes 1 to 20 of a-z, 0-9 and "-", beginning with a letter or digit; "${name}" is not that.`,
    );
  }
  const dir = path.join(tmpdir(), `${sessionPrefix()}${name}`);
  const socket = path.join(dir, "control");
  if (Buffer.byteLength(socket) > LONGEST_SOCKET_PATH) {
    throw new CliError(
      `The directory for temporary files (${tmpdir()}) has too long a path for a socket: set TMPDIR to a shorter one, such as /tmp.`,
      { code: "SOCKET_PATH_TOO_LONG" },
    );
  }
  return { name, path: dir, socket };
}

/** The names of the sessions of this checkout that left a directory, running or not. */
export async function sessionNames(): Promise<string[]> {
  const prefix = sessionPrefix();
  const entries = await readdir(tmpdir()).catch(() => []);
  return entries.flatMap((entry) => (entry.startsWith(prefix) ? [entry.slice(prefix.length)] : [])).sort();
}

export interface ClaimedDir {
  /** Removes it with everything in it. */
  release(): Promise<void>;
}

/**
 * Takes the session's directory for this process: makes it, private to this user, or takes over what a `start` that
 * was killed has left. Throws a CliError when a `start` of that name is running, or still starting or ending.
 */
export async function claimSessionDir(dir: SessionDir): Promise<ClaimedDir> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await mkdir(dir.path, { mode: 0o700 });
      // A file system gives a new directory the inode of the one that was removed: a mark of our own tells them apart.
      const mark = `${process.pid} ${randomUUID()}`;
      await writeFile(path.join(dir.path, "owner"), mark);
      return { release: () => release(dir, mark) };
    } catch (error) {
      if (errorCode(error) !== "EEXIST") {
        throw new CliError(
          `Cannot make the directory ${dir.path}: ${fileTrouble(error)}. Set TMPDIR to a directory that can be written.`,
          {
            code: "SESSION_DIR",
            cause: error,
          },
        );
      }
    }
    await assertOurs(dir.path);
    const running = await whoRuns(dir);
    if (running) throw alreadyRunning(dir, running);
    // Before its socket is there, and after: alive all the same.
    if (await isHeld(dir)) throw held(dir);
    // Nobody answers: its owner was killed. Its processes ended with it (they watch their parent), its files did not.
    await rm(dir.path, { recursive: true, force: true });
  }
  throw new CliError(`Another start is taking the name "${dir.name}" at this moment: try again, or give --name.`, {
    code: "SESSION_RACE",
  });
}

/** Whether the process that made the directory lives. */
async function isHeld(dir: SessionDir): Promise<boolean> {
  const owner = path.join(dir.path, "owner");
  const pid = Number((await readFile(owner, "utf8").catch(() => "")).split(" ")[0]);
  if (!Number.isInteger(pid) || pid < 1) {
    const made = await stat(dir.path).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs < UNWRITTEN_MS;
  }
  // A number of ours in a file that we have not written: in a container, every start may have the same.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

function held(dir: SessionDir): CliError {
  return new CliError(
    `Another start of the name "${dir.name}" is starting or ending at this moment: try again, or start this one beside it with \`--name other\`. If none is, remove ${dir.path}.`,
    { code: "ALREADY_STARTING" },
  );
}

/** By the time the last process has ended, the next start may have taken over: then the directory is not ours any more. */
async function release(dir: SessionDir, mark: string): Promise<void> {
  const found = await readFile(path.join(dir.path, "owner"), "utf8").catch(() => undefined);
  if (found === mark) await rm(dir.path, { recursive: true, force: true });
}

function sessionPrefix(): string {
  const checkout = createHash("sha256").update(REPO_ROOT).digest("hex").slice(0, 8);
  return `holdfast-${userInfo().uid}-${checkout}-`;
}

interface Running {
  pid: number;
  url: string;
}

async function whoRuns(dir: SessionDir): Promise<Running | undefined> {
  try {
    const answer = await askControl(dir.socket, { command: "hello" });
    return answer.result as Running;
  } catch (error) {
    if (errorCode(error) === "NOT_RUNNING") return undefined;
    throw error;
  }
}

function alreadyRunning(dir: SessionDir, running: Running): CliError {
  const flag = dir.name === DEFAULT_SESSION ? "" : ` --name ${dir.name}`;
  return new CliError(
    `A start of this checkout is running already (pid ${running.pid}${running.url && `, ${running.url}`}): end it with \`./holdfast stop${flag}\`, or start this one beside it with \`--name other\`.`,
    { code: "ALREADY_RUNNING" },
  );
}

/** In a shared /tmp anybody can make that directory first; then what we would write into it is theirs to read. */
async function assertOurs(dir: string): Promise<void> {
  const stat = await lstat(dir);
  const uid = userInfo().uid;
  if (stat.isDirectory() && (uid === -1 || stat.uid === uid) && (stat.mode & 0o077) === 0) return;
  throw new CliError(
    `${dir} is in the way and not a private directory of this user: remove it, or set TMPDIR to a directory of your own.`,
    {
      code: "SESSION_DIR_NOT_OURS",
    },
  );
}
