/** A room's npm script that is one Node program, to be run without npm or `node --run`: the latter makes 1 of every exit code. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { REPO_ROOT } from "./repo.ts";

/** `node ARGS` of the script `name` of a room's package.json: its ARGS, relative to the room. */
export function argumentsOfScript(room: string, name: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(REPO_ROOT, room, "package.json"), "utf8")) as {
    scripts?: Record<string, string>;
  };
  const [command, ...args] = manifest.scripts?.[name]?.split(" ") ?? [];
  if (command !== "node") throw new Error(`The script "${name}" of ${room}/package.json does not begin with node.`);
  return args;
}
