import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** A sentence for the person who must act. */
export class ImageError extends Error {}

export interface DockerResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs docker to its end, with `input` on stdin. Throws an ImageError only where there is no docker to run. */
export async function docker(args: readonly string[], input?: Uint8Array): Promise<DockerResult> {
  const child = spawn("docker", args, {
    // buildx would add attestations: an index of images, with the time of the build in it.
    env: { ...process.env, BUILDX_NO_DEFAULT_ATTESTATIONS: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const status = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  // A docker that ends before it has read all says itself why.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  try {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), status]);
    return { status: await status, stdout: stdout.trim(), stderr: withoutDeprecation(stderr) };
  } catch {
    throw new ImageError(
      "Docker is needed to build an image, and there is no `docker` on PATH: install Docker Engine or Docker Desktop.",
    );
  }
}

/** As `docker`, and what went wrong becomes an ImageError that begins with `failed`. */
export async function dockerOrThrow(failed: string, args: readonly string[], input?: Uint8Array): Promise<string> {
  const { status, stdout, stderr } = await docker(args, input);
  if (status !== 0) throw new ImageError(`${failed}:\n  ${lastLines(stderr === "" ? stdout : stderr)}`);
  return stdout;
}

export async function requireDocker(): Promise<void> {
  const { status, stderr } = await docker(["version", "--format", "{{.Server.Version}}"]);
  if (status === 0) return;
  throw new ImageError(
    `Docker does not answer: ${lastLines(stderr, 1)}\n  Start it (\`systemctl start docker\`, or Docker Desktop), or let your user use it (group \`docker\`), and run this again.`,
  );
}

export interface Inspected {
  /** Of the configuration or of the manifest, as Docker stores its images. */
  Id: string;
  Os: string;
  Architecture: string;
  RepoDigests?: string[] | null;
  RootFS: { Layers: string[] };
}

/** undefined where the image is not on this machine. */
export async function inspectImage(reference: string): Promise<Inspected | undefined> {
  const { status, stdout } = await docker(["image", "inspect", reference]);
  return status === 0 ? (JSON.parse(stdout) as Inspected[])[0] : undefined;
}

export function lastLines(output: string, count = 8): string {
  return output.trim().split("\n").slice(-count).join("\n  ");
}

/** The legacy builder's advice to install another one, which works no better for one added archive. */
function withoutDeprecation(stderr: string): string {
  return stderr.replace(/^DEPRECATED: The legacy builder .*\n(?:[ \t]+.*\n)*\n?/m, "").trim();
}
