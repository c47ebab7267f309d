/** The load that `start` sends: what it asks for, and by which rule a rollout under it is judged. */
import type { LoadPlan, PassRule } from "@holdfast/load";

/** Two cores hold about so many before they starve each other. */
export const MOST_REPLICAS = 20;

/** How much is sent by itself, and when the replicas find it too much. */
export interface LoadShape {
  ratePerSecond: number;
  /** Used in turn by the kept-alive half: enough that every replica holds some, few enough that each is used every second or so. */
  persistentSockets: number;
  shedAbove: number;
}

/** To look at. Shedding begins late, since on two cores others' work reads as overload too. */
export const GENTLE: LoadShape = { ratePerSecond: 20, persistentSockets: 12, shedAbove: 0.97 };
/**
 * For a verdict: each replica must hold sockets that were used just now, and enough must be sent while one starts or
 * ends. Nothing is shed: that would be the machine's failure, not the rollout's.
 */
export const JUDGED: LoadShape = { ratePerSecond: 100, persistentSockets: 50, shedAbove: 1 };

/** The shape at another rate: never fewer sockets, and more where each would otherwise be used more than once a second. */
export function loadShape(shape: LoadShape, ratePerSecond: number = shape.ratePerSecond): LoadShape {
  return {
    ...shape,
    ratePerSecond,
    persistentSockets: Math.max(shape.persistentSockets, Math.ceil(ratePerSecond / 2)),
  };
}

/** Products read, one product with its stock, orders placed. `{i}` becomes the request's number. */
export function loadPlan(opts: {
  url: string;
  ratePerSecond: number;
  persistentSockets: number;
  productIds: readonly string[];
}): LoadPlan {
  const { url, ratePerSecond, persistentSockets, productIds } = opts;
  const [first = "unknown"] = productIds;
  return {
    url,
    ratePerSecond,
    persistentSockets,
    requests: [
      { name: "list", path: "/api/products?limit=10", weight: 2 },
      ...productIds.slice(0, 2).map((id) => ({ name: `product ${id}`, path: `/api/products/${id}`, weight: 1 })),
      {
        name: "order",
        method: "POST",
        path: "/api/orders",
        headers: { "content-type": "application/json", "idempotency-key": `holdfast-start-{i}` },
        body: JSON.stringify({ items: [{ productId: first, quantity: 1 }] }),
        expectStatus: 201,
        weight: 1,
      },
    ],
  };
}

/** Undisturbed load before a rollout that is judged. */
export const BASELINE_MS = 4_000;
/** Load after it, so that what fails late is seen. */
export const AFTER_MS = 2_500;

/**
 * Where the machine fails and not the service: the lab's own limits, which stand in packages/experiments with what was
 * measured. A generator that sends late has replicas beside it that starve.
 */
export const MACHINE_LIMITS = {
  maxScheduleLagMs: { p99: 200, max: 1_000 },
  maxClockErrorMs: 100,
} as const satisfies Pick<PassRule, "maxScheduleLagMs" | "maxClockErrorMs">;

/** A planned disruption loses nothing, and enough was sent while it went on. */
export const ROLLOUT_RULE: PassRule = {
  kind: "planned",
  windows: [
    { name: "starting", from: "replica.starting", to: ["replica.ready", "replica.exited", "replica.ended"] },
    { name: "ending", from: "replica.ending", to: "replica.ended" },
  ],
  minSent: 600,
  minScheduledInWindows: 300,
  baseline: { minMs: BASELINE_MS - 1_000, minSent: 200 },
  minAfterMs: 2_000,
  minPersistentSockets: 30,
  victims: ["replica.ending"],
  minSocketsPerVictim: 5,
  ...MACHINE_LIMITS,
};
