/** What the API answers about products. Answers are made by our own code, so these document, type and test them, no more. */
import * as z from "zod";

import { productId } from "./product-id.ts";

export const price = z
  .object({
    amount: z.int().min(0).meta({ description: "In the currency's smallest unit, cents for EUR." }),
    currency: z.literal("EUR"),
  })
  .meta({ id: "Price" });

const product = z.object({ id: productId, name: z.string(), category: z.string(), price }).meta({ id: "Product" });
export type Product = z.output<typeof product>;

/** What is known of a product's stock: `stale` and `unknown` are the degraded answers, and say so. */
const stock = z
  .discriminatedUnion("state", [
    z.object({ state: z.literal("current"), available: z.int().min(0) }),
    z.object({
      state: z.literal("stale"),
      available: z.int().min(0),
      ageSeconds: z.int().min(0).meta({ description: "Since it was last heard from the stock service." }),
    }),
    z.object({ state: z.literal("unknown") }),
  ])
  .meta({ id: "Stock", description: "`stale` is the last known level, `unknown` says that there is none." });
export type Stock = z.output<typeof stock>;

export const productWithStock = product.extend({ stock }).meta({ id: "ProductWithStock" });
export type ProductWithStock = z.output<typeof productWithStock>;

export const productPage = z
  .object({
    items: z.array(product),
    links: z.object({
      self: z.string(),
      next: z.string().optional().meta({ description: "The page after this one; absent on the last." }),
    }),
  })
  .meta({ id: "ProductPage" });
export type ProductPage = z.output<typeof productPage>;
