/** The load plan of an experiment. Everything here but the numbers in `LoadInput` is the lab's. */
import type { LoadPlan, RequestKind } from "@holdfast/load";
import type { Facts } from "./experiment.ts";

/** Half of the requests open a connection of their own, half use kept-alive ones in turn. */
const NEW_SHARE = 0.5;

/** One of the service's products. */
const PRODUCT_ID = "walnut-desk";

/** What the verification of a rollback asks for: it takes the whole way, to the upstream and back. */
export const WHOLE_WAY_PATH = `/api/products/${PRODUCT_ID}`;

export function loadPlan(facts: Facts, url: string): LoadPlan {
  const { load, timeoutMs } = facts;
  return {
    url,
    ratePerSecond: load.ratePerSecond,
    persistentSockets: load.persistentSockets,
    newShare: NEW_SHARE,
    requests: requestKinds(load),
    timeoutMs,
    servedByHeader: "x-served-by",
    degradedHeader: "x-degraded",
  };
}

function requestKinds({ mix, slowShare, slowMs }: Facts["load"]): RequestKind[] {
  const slowWeight = Math.round(slowShare * 100);
  const quickWeight = 100 - slowWeight;
  const shares = { list: mix.list ?? 0, product: mix.product ?? 0, order: mix.order ?? 0 };
  const sum = shares.list + shares.product + shares.order;
  const weightOf = (share: number) => Math.round((share / sum) * quickWeight);
  const kinds: RequestKind[] = [
    { name: "list", path: "/api/products?limit=10", weight: weightOf(shares.list) },
    { name: "product", path: `/api/products/${PRODUCT_ID}`, weight: weightOf(shares.product) },
    {
      name: "order",
      method: "POST",
      path: "/api/orders",
      headers: { "content-type": "application/json", "idempotency-key": "lab-{i}" },
      body: JSON.stringify({ items: [{ productId: PRODUCT_ID, quantity: 1 }] }),
      expectStatus: 201,
      weight: weightOf(shares.order),
    },
    {
      name: "slow",
      path: "/api/products?limit=10",
      headers: { "x-fault-delay-ms": String(slowMs) },
      weight: slowWeight,
      takesMs: slowMs,
      slow: true,
    },
  ];
  return kinds.filter(({ weight }) => weight > 0);
}
