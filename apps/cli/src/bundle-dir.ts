import { stat } from "node:fs/promises";
import path from "node:path";
import { CliError } from "./cli-error.ts";

/** `--bundle`, else HOLDFAST_BUNDLE, as an absolute path. Throws a CliError where there is no such directory. */
export async function bundleDirOf(flag: string | undefined): Promise<string | undefined> {
  const given = flag ?? process.env["HOLDFAST_BUNDLE"];
  if (given === undefined || given === "") return undefined;
  const dir = path.resolve(given);
  const info = await stat(dir).catch(() => undefined);
  if (info?.isDirectory()) return dir;
  const which = flag === undefined ? "HOLDFAST_BUNDLE" : "--bundle";
  throw new CliError(
    `${which} says ${given}, and ${info ? "that is no directory" : "there is no such directory"}: name the directory that holds bundle.json, or leave it out to use the internet.`,
    { code: "BUNDLE_INVALID" },
  );
}
