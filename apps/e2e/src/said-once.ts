/** Whether each replica said once what is wrong, and nothing else. Pure. */
import { complaints, type SaidLine } from "./complaints.ts";
import { Broken } from "./judgement.ts";

/** @returns the sentence. @throws Broken where a pod says it not, or more than once, or complains of something else */
export function judgeSaidOnce(
  said: readonly SaidLine[],
  { pods, about }: { pods: readonly string[]; about: RegExp },
): string {
  const all = complaints(said);
  const other = all.find(({ message }) => !about.test(message));
  if (other) throw new Broken(`${other.pod} complains of something else: ${other.message}`);
  for (const pod of pods) {
    const times = all.filter((line) => line.pod === pod).length;
    if (times === 0) throw new Broken(`${pod} does not say what is wrong.`);
    if (times > 1) throw new Broken(`${pod} says ${times} times what is wrong: ${all[0]?.message ?? ""}`);
  }
  return all[0]?.message ?? "";
}
