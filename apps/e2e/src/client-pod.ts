/** A pod that sends requests as a client in the cluster would. It stands on the control plane, away from what it asks. */
import { readFileSync } from "node:fs";
import { TooLittle } from "./judgement.ts";
import { isReady, type Pod } from "./kubernetes.ts";
import type { Room } from "./room.ts";

const SCRIPT = readFileSync(new URL("send-requests.js", import.meta.url), "utf8");
const NODE = "/nodejs/bin/node";
const NAME = "client";

/** What became of one request. */
export interface Sent {
  /** 0 where there was no whole answer. */
  readonly status: number;
  /** Until the answer was whole. */
  readonly ms: number;
  /** How long after it was due it was sent: what the sender's own machine cost. */
  readonly lateMs: number;
  /** Sent over a kept-alive connection. */
  readonly kept: boolean;
  /** Of its `traceparent`: 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Why there was no answer. */
  readonly error?: string;
}

interface Burst {
  readonly url: string;
  readonly count: number;
  readonly perSecond: number;
  /** What the `traceparent` says. */
  readonly sampled: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** So many requests a second are full speed for these checks: few enough for two busy cores. */
const PER_SECOND = 50;

/** That long at full speed, of the stock that is installed as `release`. */
export function stockBurst(release: string, { seconds, sampled }: { seconds: number; sampled: boolean }): Burst {
  return {
    url: `http://${release}/api/stock/walnut-desk`,
    count: PER_SECOND * seconds,
    perSecond: PER_SECOND,
    sampled,
  };
}

export interface Client {
  /** Sends at that rate, whatever becomes of them. @returns what became of each, in their order */
  send(burst: Burst): Promise<readonly Sent[]>;
}

/** Starts the room's client, or finds it. */
export async function startClient(room: Room): Promise<Client> {
  await room.apply(podOf(room, { name: NAME, code: "setInterval(() => {}, 1e9)" }));
  await room.waitFor<Pod, true>(["pod", NAME], {
    until: ([pod]) => (pod && isReady(pod) ? true : undefined),
    withinSeconds: 60,
    otherwise: ([pod]) => new TooLittle(`The pod that sends is ${pod?.status.phase ?? "not there"} after 60 s.`),
  });
  return {
    async send(burst) {
      const { cluster, namespace, signal } = room;
      const said = await cluster.kubectl.run(
        ["exec", "--namespace", namespace, NAME, "--", NODE, "--eval", SCRIPT, "--", JSON.stringify(burst)],
        { what: `send ${burst.count} requests from the pod ${NAME}`, signal },
      );
      return JSON.parse(said) as readonly Sent[];
    },
  };
}

/** A pod of the room that runs a piece of JavaScript once, as the room's namespace lets it in. */
export function podOf(
  room: Pick<Room, "image">,
  opts: { name: string; code: string; args?: readonly string[]; annotations?: Readonly<Record<string, string>> },
): object {
  const { name, code, args = [], annotations = {} } = opts;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      // As a first process it hears no SIGTERM.
      terminationGracePeriodSeconds: 1,
      nodeSelector: { "node-role.kubernetes.io/control-plane": "" },
      tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" }],
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image: `${room.image.repository}:${room.image.tag}`,
          command: [NODE, "--eval", code, "--", ...args],
          resources: { requests: { cpu: "10m", memory: "32Mi" } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  };
}
