import * as z from "zod";

import { productId } from "./product-id.ts";

/** What the stock service answers, and what the catalogue accepts from it. */
export const stockLevel = z.object({ productId, available: z.int().min(0) }).meta({ id: "StockLevel" });
export type StockLevel = z.output<typeof stockLevel>;
