import * as z from "zod";

import { quantity } from "./order-request.ts";
import { productId } from "./product-id.ts";
import { price } from "./product.ts";

export const order = z
  .object({
    id: z.string().meta({ description: "A hash of the Idempotency-Key: the same on every replica." }),
    items: z.array(z.object({ productId, quantity, unitPrice: price })),
    total: price,
  })
  .meta({ id: "Order" });
export type Order = z.output<typeof order>;
