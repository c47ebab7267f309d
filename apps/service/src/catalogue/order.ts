import { hash } from "node:crypto";

import { Problem } from "../problem.ts";
import type { Order } from "../schemas/order.ts";
import type { OrderRequest } from "../schemas/order-request.ts";
import type { Catalogue } from "./catalogue.ts";

/** 22 characters of base64url are 132 bits: two keys do not meet. */
const ID_LENGTH = 22;

/**
 * The order that a key and a request make. It depends on nothing else, so every replica makes the same one, however often
 * it is asked. Throws `CONFLICT` when the catalogue does not have a product (any more).
 */
export function makeOrder(opts: { key: string; request: OrderRequest; catalogue: Catalogue }): Order {
  const { key, request, catalogue } = opts;
  const items = request.items.map((item, index) => {
    const product = catalogue.find(item.productId);
    if (product === undefined) {
      throw new Problem("CONFLICT", `There is no product ${item.productId} (any more).`, {
        errors: [{ in: "body", at: `/items/${index}/productId`, detail: "is not in the catalogue" }],
      });
    }
    return { productId: item.productId, quantity: item.quantity, unitPrice: product.price };
  });
  const amount = items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amount, 0);
  return { id: orderId(key), items, total: { amount, currency: "EUR" } };
}

function orderId(key: string): string {
  return hash("sha256", `order\n${key}`, "base64url").slice(0, ID_LENGTH);
}
