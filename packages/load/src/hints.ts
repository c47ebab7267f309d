import type { VerdictCode } from "./verdict.ts";

/** What to do or to look at next. */
export const HINTS: Record<VerdictCode, string> = {
  pass: "Run its control: a check that cannot fail shows nothing.",
  failures:
    "Look at who was ending when the failed requests were sent, and whether they were on new or on persistent connections.",
  "failures-over-bound": "Look at how long the fault lasted and whether anything still sent requests to what was gone.",
  "failures-too-late": "Look at what had not recovered: a replica not ready, or a socket to one that is gone.",
  "failures-outside-windows": "Look at what else went wrong: these requests were not under way while the fault worked.",
  "degraded-outside-windows":
    "Look at what the service depends on before and after the fault, and at how long its breaker stays open.",
  "deadline-missed": "Look at the events in the ledger around that time.",
  "ledger-damaged": "Run it again and leave the file as it is; a run that was broken off has no verdict.",
  voided: "Put right what the reason names, and run it again.",
  "plan-not-as-ruled": "Run it with the plan that belongs to the rule.",
  "clock-uncertain":
    "The machine was too busy, or the link to the agent too slow: close what else is running and run it again.",
  "schedule-lag":
    "The machine was too busy for this rate, or was suspended: close what else is running, or lower the rate, and run it again.",
  "generator-limit":
    "Lower the rate or the number of sockets, or raise this machine's limits (open files, local ports).",
  "no-fault": "See whether the method injected its fault and marked it.",
  "fault-not-as-ruled":
    "See whether the fault works on every replica for as long as its window is open, and whether anything else fails meanwhile.",
  "window-unclosed": "Wait until what began has ended before the load stops, and see whether it ever does.",
  "baseline-short": "Let the load run longer before the fault.",
  "baseline-unhealthy": "Bring the system to where nothing fails without a fault; only then can a fault show anything.",
  "after-short": "Let the load run longer after the fault.",
  "too-few-sent": "Let it run longer, or raise the rate.",
  "too-few-in-windows": "Repeat the fault under load, or raise the rate.",
  "too-few-sockets": "Raise persistentSockets: every request that waits for one is late before the target has seen it.",
  "victim-without-sockets":
    "Raise persistentSockets, wait longer between two faults, and see whether answers say who gave them (x-served-by).",
  "fault-without-effect": "See whether the fault was injected where this traffic passes.",
};
