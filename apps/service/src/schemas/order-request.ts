import * as z from "zod";

import { productId } from "./product-id.ts";

export const quantity = z.int().min(1).max(999);

/** Names one wish to order, however often it is sent: draft-ietf-httpapi-idempotency-key-header. */
export const idempotencyKey = z
  .string(
    "An order needs an Idempotency-Key header of its own, a UUID for instance: send the same one when you try again.",
  )
  .regex(/^[\x21-\x7e]{1,128}$/, "The key must be 1 to 128 printable ASCII characters without spaces.")
  .meta({
    description:
      "1 to 128 printable ASCII characters without spaces, a UUID for instance. Sent again, the same key gives the same order.",
    example: "8e03978e-40d5-43dd-bc93-6894a57f9324",
  });

export const orderRequest = z
  .strictObject({
    items: z.array(z.strictObject({ productId, quantity })).min(1).max(50),
  })
  .meta({ id: "OrderRequest", example: { items: [{ productId: "walnut-desk", quantity: 2 }] } });
export type OrderRequest = z.output<typeof orderRequest>;
