import { readFile } from "node:fs/promises";

import type { TestContext } from "vitest";

import { defaultBaseOf, ensureBase } from "./image/base.ts";
import { ImageError, requireDocker } from "./image/docker.ts";

/** Asked once for all tests of a file. */
let isThere: Promise<void> | undefined;

async function dockerAndBase(): Promise<void> {
  const dockerfile = `${import.meta.dirname}/../apps/service/Dockerfile`;
  await requireDocker();
  await ensureBase(defaultBaseOf(await readFile(dockerfile, "utf8"), dockerfile));
}

/**
 * Skips a test where Docker does not answer or the base image cannot be had, and says so beside the results. A skipped
 * test has shown nothing: with a bundle (HOLDFAST_BUNDLE) both are meant to be there, and their absence is a failure.
 */
export async function needsDocker({ skip, task }: TestContext): Promise<void> {
  try {
    await (isThere ??= dockerAndBase());
  } catch (error) {
    if (!(error instanceof ImageError) || process.env["HOLDFAST_BUNDLE"]) throw error;
    const [reason] = error.message.split("\n");
    process.stderr.write(`NOT RUN: "${task.name}" builds an image. ${reason}\n`);
    skip(reason);
  }
}
