/** Whether every answered request has its line in the store. Pure. */
import type { StoredLine } from "@holdfast/cluster";
import type { Sent } from "./client-pod.ts";
import { Broken } from "./judgement.ts";

/**
 * `lines`: access lines, of these requests and of others. A line that is stored twice is said and no fault: whoever hands on again what was
 * not acknowledged cannot know that it had arrived. @returns what was found. @throws Broken
 */
export function judgeAllStored(sent: readonly Pick<Sent, "traceId">[], lines: readonly StoredLine[]): string {
  const times = Map.groupBy(lines, ({ traceId }) => traceId ?? "");
  const count = ({ traceId }: Pick<Sent, "traceId">) => times.get(traceId)?.length ?? 0;
  const missing = sent.filter((request) => count(request) === 0);
  if (missing.length > 0) {
    throw new Broken(
      `Of ${sent.length} requests ${missing.length} have no stored line, such as trace ${missing[0]?.traceId ?? ""}.`,
    );
  }
  const twice = sent.filter((request) => count(request) > 1).length;
  return `each of ${sent.length} requests has its line stored, ${twice === 0 ? "once" : `${twice} of them more than once`}`;
}
