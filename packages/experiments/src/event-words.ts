/** What just happened, in a short sentence for whoever watches a run. Events that only the ledger needs have none. */
import type { TargetEvent } from "./target.ts";

export function eventSentence(event: TargetEvent): string | undefined {
  const who = event.replica ?? event.node ?? event.service ?? "the target";
  const detail = event.detail ?? {};
  switch (event.type) {
    case "replica.starting":
      return `${who} starts`;
    case "replica.ready":
      return `${who} is ready`;
    case "replica.unready":
      return `${who} is not ready`;
    case "replica.ending":
      return `${who} is asked to end`;
    case "replica.ended":
      return `${who} has ended`;
    case "replica.exited":
      return `${who} is dead`;
    case "replica.exit-noticed":
      return `${who}: its death was noticed`;
    case "replica.restarted":
      return `${who} was restarted`;
    case "replica.backoff":
      return `${who} waits before its next start`;
    case "replica.liveness-failed":
      return `${who} failed its liveness probe`;
    case "node.paused":
      return `${who} is lost`;
    case "node.returned":
      return `${who} is back`;
    case "node.not-ready":
      return `${who}: its loss was noticed`;
    case "node.ready":
      return `${who} is ready`;
    case "rollout.start":
      return `${who} rolls out ${textOf(detail["version"])}`;
    case "rollout.end":
      return `${who} has rolled out ${textOf(detail["version"])}`;
    case "scale":
      // A rollback asks for what there should be; where there is, nothing happens.
      if (detail["from"] === detail["to"]) return undefined;
      return `${who} scales from ${textOf(detail["from"])} to ${textOf(detail["to"])}`;
    case "scaler.desired":
      return `the scaler of ${who} wants ${textOf(detail["to"])} replicas`;
    case "scaler.failing":
      return `the scaler of ${who} does not work: ${textOf(detail["because"])}`;
    case "scaler.working":
      return `the scaler of ${who} works`;
    default:
      return undefined;
  }
}

/** The lab's own marks; the target's events are said by `eventSentence`. */
export function markSentence(
  name: string,
  { subject, detail }: { subject: string | undefined; detail?: unknown },
): string | undefined {
  if (name === "load.rate") return `the load is ${textOf(fieldOf(detail, "perSecond"))} requests a second`;
  const said = fieldOf(detail, "said");
  if (typeof said === "string") return said;
  if (
    name.startsWith("replica.") ||
    name.includes(".replica.") ||
    /(^|\.)(endpoints|balancer|fleet|node|rollout|scale|scaler|watch)\b/.test(name)
  )
    return undefined;
  const [what = name, state = ""] = name.split(".");
  const about = subject === undefined ? "" : ` (${subject})`;
  switch (state) {
    case "start":
      return `${what} begins${about}`;
    case "end":
      return `${what} is over${about}`;
    default:
      return `${what}${state === "" ? "" : ` ${state}`}${about}`;
  }
}

function fieldOf(detail: unknown, field: string): unknown {
  return typeof detail === "object" && detail !== null ? Reflect.get(detail, field) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "a new version";
}
