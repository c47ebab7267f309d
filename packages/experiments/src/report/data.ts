/** What the page draws, out of the ledger: columns of numbers, lanes, moments. Times are seconds since the first request was due. */
import { FAILED_FATES, isFailed, type Fate, type Ledger, type LedgerEvent, type RequestRecord } from "@holdfast/load";
import type { MetricWatch } from "../experiment.ts";

export interface PageData {
  /** From the first request that was due to the last one that ended. */
  readonly seconds: number;
  readonly fates: readonly Fate[];
  readonly kinds: readonly string[];
  /** One entry a request, in the order in which they were due. */
  readonly requests: {
    readonly due: readonly number[];
    /** From the scheduled time to the end, ms. */
    readonly tookMs: readonly number[];
    /** Index into `fates`. */
    readonly fate: readonly number[];
    /** Index into `kinds`. */
    readonly kind: readonly number[];
    /** 1: persistent, 0: new. */
    readonly persistent: readonly number[];
    /** Index into `lanes`, -1: nobody. */
    readonly lane: readonly number[];
  };
  readonly bins: {
    readonly seconds: number;
    /** Requests a second, one row a fate that occurs, one number a bin. */
    readonly perSecond: readonly { readonly fate: Fate; readonly values: readonly number[] }[];
  };
  readonly spans: readonly Span[];
  /** When the fault worked: what the rule counts, windows that touch joined. */
  readonly faulty: readonly { readonly from: number; readonly to: number }[];
  readonly lanes: readonly Lane[];
}

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Spans within spans stand a row lower. */
  readonly row: number;
}

interface Lane {
  readonly name: string;
  readonly label: string;
  /** `replica` lanes carry requests; `state` lanes carry a watched metric. */
  readonly kind: "replica" | "state";
  readonly bands: readonly Band[];
  /** Moments worth a sign: a death, a restart. */
  readonly signs: readonly { readonly at: number; readonly what: string }[];
}

interface Band {
  readonly state: string;
  readonly from: number;
  readonly to: number;
}

/** In the order in which they are stacked. */
const FATE_ORDER: readonly Fate[] = ["answered", "degraded", ...FAILED_FATES];

/** Narrow enough to show a second's dip, wide enough for a steady rate to look steady. */
const BIN_SECONDS = 0.5;

export function pageData(
  ledger: Ledger,
  opts: { windows: readonly { fromMs: number; toMs: number }[]; watch?: readonly MetricWatch[] },
): PageData {
  const requests = ledger.requests;
  const originMs = requests[0]?.scheduledMs ?? 0;
  const endMs = Math.max(
    originMs,
    ...ledger.events.slice(-1).map(({ atMs }) => atMs),
    requests.reduce((last, { endMs: ended }) => Math.max(last, ended), 0),
  );
  const at = (ms: number) => Math.round(ms - originMs) / 1000;
  const seconds = at(endMs);

  const lanes = [
    ...replicaLanes(ledger.events, { at, seconds }),
    ...nodeLanes(ledger.events, { at, seconds }),
    ...stateLanes(ledger.events, { at, seconds, watch: opts.watch ?? [] }),
  ];
  const laneOf = laneFinder(lanes);
  const present = new Set(requests.map(({ fate }) => fate));
  const fates = FATE_ORDER.filter((fate) => present.has(fate));
  const kinds = [...new Set(requests.map(({ request }) => request))];

  return {
    seconds,
    fates,
    kinds,
    requests: {
      due: requests.map(({ scheduledMs }) => at(scheduledMs)),
      tookMs: requests.map((request) => Math.round((request.endMs - request.scheduledMs) * 10) / 10),
      fate: requests.map(({ fate }) => fates.indexOf(fate)),
      kind: requests.map(({ request }) => kinds.indexOf(request)),
      persistent: requests.map(({ connection }) => (connection === "persistent" ? 1 : 0)),
      lane: requests.map(laneOf),
    },
    bins: binsOf(requests, { at, fates }),
    spans: spansOf(ledger.events, { at, seconds }),
    faulty: joined(opts.windows.map(({ fromMs, toMs }) => ({ from: at(fromMs), to: at(toMs) }))),
    lanes,
  };
}

interface Scale {
  /** Seconds on the page, of a time of the ledger. */
  readonly at: (ms: number) => number;
  readonly seconds: number;
}

function binsOf(
  requests: readonly RequestRecord[],
  opts: { at: Scale["at"]; fates: readonly Fate[] },
): PageData["bins"] {
  const last = requests.at(-1);
  const count = last ? Math.floor(opts.at(last.scheduledMs) / BIN_SECONDS) + 1 : 0;
  const perSecond = opts.fates.map((fate) => ({ fate, values: Array.from({ length: count }, () => 0) }));
  for (const request of requests) {
    const values = perSecond[opts.fates.indexOf(request.fate)]?.values;
    const bin = Math.max(0, Math.floor(opts.at(request.scheduledMs) / BIN_SECONDS));
    if (values) values[bin] = (values[bin] ?? 0) + 1 / BIN_SECONDS;
  }
  return { seconds: BIN_SECONDS, perSecond };
}

/** `<name>.start` to `<name>.end`, of the lab's own marks. */
function spansOf(events: readonly LedgerEvent[], { at, seconds }: Scale): Span[] {
  const spans: { -readonly [Key in keyof Span]: Span[Key] }[] = [];
  // The whole of the method says nothing, and the target's own `rollout` stands inside of what the method called it.
  const hidden = new Set(["method", "rollout"]);
  for (const event of events) {
    const [, name, edge] = /^([a-z0-9-]+)\.(start|end|done|gave-up|verified|failed)$/.exec(event.name) ?? [];
    if (name === undefined || edge === undefined || event.subject !== undefined || hidden.has(name)) continue;
    if (edge === "start") {
      const open = spans.filter(({ to }) => to === Number.POSITIVE_INFINITY);
      spans.push({ name, from: at(event.atMs), to: Number.POSITIVE_INFINITY, row: open.length });
    } else {
      const span = spans.findLast((candidate) => candidate.name === name && candidate.to === Number.POSITIVE_INFINITY);
      if (span) span.to = at(event.atMs);
    }
  }
  for (const span of spans) span.to = Math.min(span.to, seconds);
  return spans;
}

/** What an event of a replica makes of its state; `undefined`: nothing. */
const STATE_AFTER: Readonly<Record<string, string>> = {
  "replica.present": "ready",
  "replica.starting": "starting",
  "replica.ready": "ready",
  "replica.unready": "unready",
  "replica.ending": "terminating",
  "replica.ended": "gone",
  "replica.exited": "dead",
  "replica.backoff": "backoff",
};

const SIGNS: Readonly<Record<string, string>> = {
  "replica.exited": "died",
  "replica.exit-noticed": "noticed",
  "replica.restarted": "restarted",
};

function replicaLanes(events: readonly LedgerEvent[], { at, seconds }: Scale): Lane[] {
  const lanes = new Map<
    string,
    { name: string; label: string; kind: "replica"; bands: Band[]; signs: Lane["signs"][number][] }
  >();
  const current = new Map<string, { state: string; from: number }>();
  const close = (subject: string, to: number) => {
    const state = current.get(subject);
    if (state && state.state !== "gone" && to > state.from) lanes.get(subject)?.bands.push({ ...state, to });
  };
  for (const event of events) {
    const name = event.name.replace(/^[a-z]+\.(?=replica\.)/, "");
    const { subject } = event;
    if (subject === undefined || !name.startsWith("replica.")) continue;
    if (!lanes.has(subject)) {
      lanes.set(subject, {
        name: subject,
        label: labelOf(subject, event.detail),
        kind: "replica",
        bands: [],
        signs: [],
      });
    }
    // Who is present when the ledger begins was so before.
    const moment = name === "replica.present" ? 0 : Math.max(0, at(event.atMs));
    const sign = SIGNS[name];
    if (sign !== undefined) lanes.get(subject)?.signs.push({ at: moment, what: sign });
    const state = STATE_AFTER[name];
    if (state === undefined || current.get(subject)?.state === state) continue;
    close(subject, moment);
    current.set(subject, { state, from: moment });
  }
  for (const subject of lanes.keys()) close(subject, seconds);
  return [...lanes.values()];
}

function labelOf(subject: string, detail: unknown): string {
  const told: Readonly<Record<string, unknown>> = typeof detail === "object" && detail !== null ? { ...detail } : {};
  const version = told["version"] === undefined ? "" : ` ${String(told["version"])}`;
  // `zone-a` is zone a to whoever looks on.
  const zone = told["zone"] === undefined ? "" : ` · ${String(told["zone"]).replace(/^zone-/, "")}`;
  // The service and the random end tell replicas apart; the hash between them is the version's.
  return `${subject.replace(/^([a-z]+)-.*-([a-z0-9]+)$/, "$1 $2")}${version}${zone}`;
}

/** What an event of a node makes of it, in the words of replicas: who is lost is dead before the control plane says so. */
const NODE_STATE_AFTER: Readonly<Record<string, string>> = {
  "node.paused": "dead",
  "node.not-ready": "unready",
  "node.returned": "starting",
  "node.ready": "ready",
};

/** A lane for each node of which there is something to tell. */
function nodeLanes(events: readonly LedgerEvent[], { at, seconds }: Scale): Lane[] {
  const lanes = new Map<string, { bands: Band[]; since: number; state: string }>();
  for (const { name, subject, atMs } of events) {
    const state = NODE_STATE_AFTER[name];
    if (state === undefined || subject === undefined) continue;
    const lane = lanes.get(subject) ?? { bands: [], since: 0, state: "ready" };
    const moment = Math.max(0, at(atMs));
    lane.bands.push({ state: lane.state, from: lane.since, to: moment });
    lanes.set(subject, { bands: lane.bands, since: moment, state });
  }
  return [...lanes].map(([name, { bands, since, state }]) => ({
    name,
    label: `node ${name}`,
    kind: "state",
    bands: [...bands, { state, from: since, to: seconds }],
    signs: [],
  }));
}

function stateLanes(events: readonly LedgerEvent[], opts: Scale & { watch: readonly MetricWatch[] }): Lane[] {
  return opts.watch.flatMap((watch) => {
    const lanes = new Map<string, { bands: Band[]; since: number; state: string }>();
    for (const event of events) {
      if (event.subject === undefined || !event.name.startsWith(`${watch.event}.`)) continue;
      const moment = Math.max(0, opts.at(event.atMs));
      const lane = lanes.get(event.subject);
      if (lane) lane.bands.push({ state: lane.state, from: lane.since, to: moment });
      lanes.set(event.subject, {
        bands: lane?.bands ?? [],
        since: moment,
        state: event.name.slice(watch.event.length + 1),
      });
    }
    return [...lanes].map(([subject, { bands, since, state }]): Lane => ({
      name: `${watch.event} ${subject}`,
      label: `${watch.event} ${subject.replace(/^.*-/, "")}`,
      kind: "state",
      bands: [...bands, { state, from: since, to: opts.seconds }],
      signs: [],
    }));
  });
}

/** Who served a request; a failed one on a persistent socket belongs to whoever answered there last. */
function laneFinder(lanes: readonly Lane[]): (request: RequestRecord) => number {
  const byName = new Map(lanes.map(({ name }, index) => [name, index]));
  const lastOnSocket = new Map<number, string>();
  return function laneOf(request) {
    if (request.servedBy !== undefined) {
      if (request.connection === "persistent") lastOnSocket.set(request.socket, request.servedBy);
      return byName.get(request.servedBy) ?? -1;
    }
    const last =
      isFailed(request.fate) && request.connection === "persistent" ? lastOnSocket.get(request.socket) : undefined;
    return last === undefined ? -1 : (byName.get(last) ?? -1);
  };
}

function joined(windows: readonly { from: number; to: number }[]): { from: number; to: number }[] {
  const result: { from: number; to: number }[] = [];
  for (const window of windows.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && window.from <= last.to) last.to = Math.max(last.to, window.to);
    else result.push({ ...window });
  }
  return result;
}
