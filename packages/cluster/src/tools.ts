import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/** Absolute paths of the programs that this room runs. The caller finds kind, kubectl and helm; Docker is the machine's own. */
export interface Tools {
  readonly docker: string;
  readonly kind: string;
  readonly kubectl: string;
  readonly helm: string;
}

/** Docker's client on PATH; the bare name when there is none, so that the preflight can say so among all else that is missing. */
export function findDocker(searchPath: string = process.env["PATH"] ?? ""): string {
  const found = searchPath
    .split(path.delimiter)
    .filter((directory) => path.isAbsolute(directory))
    .map((directory) => path.join(directory, "docker"))
    .find((file) => isExecutable(file));
  return found ?? "docker";
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
