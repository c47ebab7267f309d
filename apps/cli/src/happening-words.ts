/** What the fleets tell, in words for people; what nobody asked about is left out. Pure. */
import type { Exit, FleetEvent } from "@holdfast/fleet";
import type { Happening } from "./snapshot.ts";
import { duration } from "./words.ts";

type Said = Pick<Happening, "text" | "tone">;

/** The event in words, or undefined where it is not worth a line. */
export function happeningOf(event: FleetEvent, service: string): Said | undefined {
  switch (event.type) {
    case "replica.starting":
      return event.restarts > 0
        ? {
            text: `${event.replica} is started again (restart ${event.restarts}, pid ${event.pid ?? "-"})`,
            tone: "warn",
          }
        : { text: `${event.replica} starts with ${event.version} (pid ${event.pid ?? "-"})`, tone: "plain" };
    case "replica.ready":
      return { text: `${event.replica} is ready after ${duration(event.tookMs)}`, tone: "good" };
    case "replica.unready":
      return { text: `${event.replica} is not ready: ${event.reason}`, tone: "warn" };
    case "replica.startup-failed":
      return { text: `${event.replica} did not start: ${event.reason}`, tone: "bad" };
    case "replica.liveness-failed":
      return { text: `${event.replica} does not live: ${event.reason}`, tone: "bad" };
    case "replica.ending":
      return { text: `${event.replica} is told to end (${event.reason}) and drains`, tone: "plain" };
    case "replica.ended":
      return event.killed
        ? { text: `${event.replica} was not done when its grace ran out, and was killed`, tone: "bad" }
        : {
            text: `${event.replica} has ended after ${duration(event.tookMs)} (${exitWords(event.exit)})`,
            tone: "plain",
          };
    case "replica.exited":
      return { text: `${event.replica} died (${exitWords(event.exit)})`, tone: "bad" };
    case "replica.backoff":
      return { text: `${event.replica} keeps dying: ${duration(event.delayMs)} until its next start`, tone: "warn" };
    case "scale":
      // A repair asks for what there should be; where there is, nothing happens.
      if (event.from === event.to) return undefined;
      return { text: `${service}: ${event.from} -> ${event.to} replicas`, tone: "plain" };
    case "rollout.start":
      return {
        text: `${service}: rolling out ${event.version}, each new replica ready before an old one ends`,
        tone: "plain",
      };
    case "rollout.end":
      return event.outcome === "complete"
        ? {
            text: `${service}: every replica is ${event.version} after ${duration(event.tookMs)}; the last old one drains`,
            tone: "good",
          }
        : { text: `${service}: the rollout of ${event.version} ended early (${event.outcome})`, tone: "bad" };
    case "balancer.exited":
      return { text: `${service}: the balancer died (${exitWords(event.exit)}), and another is started`, tone: "bad" };
    case "balancer.port-taken":
      return { text: event.message.replace(/\.$/, ""), tone: "bad" };
    // Said by the state that follows from it.
    case "replica.exit-noticed":
    case "replica.probe-failed":
    case "replica.restarted":
    case "replica.signalled":
    case "endpoints":
    case "endpoints.applied":
    case "balancer.started":
    case "fleet.started":
    case "fleet.stopping":
    case "fleet.stopped":
      return undefined;
  }
}

function exitWords(exit: Exit | undefined): string {
  if (!exit) return "unseen";
  return exit.signal ?? `exit ${exit.code}`;
}
