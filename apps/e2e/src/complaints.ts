/** What the service itself says when something is wrong, out of its pods' logs: that is there also when every store is away. */
import type { Room } from "./room.ts";

export interface SaidLine {
  readonly pod: string;
  readonly level: string;
  readonly message: string;
  /** "request" lines are access lines: of a request, not of the service's own state. */
  readonly isRequest: boolean;
}

/** Every line of a release's pods that run now, by their logs. */
export async function readSaid(room: Room, release: string): Promise<SaidLine[]> {
  const pods = await room.pods(release);
  const logs = await Promise.all(
    pods.map(async ({ metadata }) => ({
      pod: metadata.name,
      text: await room.kubectl(["logs", metadata.name, "--container=service"]),
    })),
  );
  return logs.flatMap(({ pod, text }) => parseSaid(pod, text));
}

/** What is no JSON is a line too. */
export function parseSaid(pod: string, text: string): SaidLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      try {
        const { level = "", msg = "" } = JSON.parse(line) as { level?: string; msg?: string };
        return { pod, level, message: msg, isRequest: msg === "request" };
      } catch {
        return { pod, level: "", message: line, isRequest: false };
      }
    });
}

/** Warnings and errors about the service's own state: what an operator would be called for. */
export function complaints(said: readonly SaidLine[]): readonly SaidLine[] {
  return said.filter(({ level, isRequest }) => !isRequest && (level === "warn" || level === "error"));
}
