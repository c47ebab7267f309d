import { hash } from "node:crypto";

import type { StockLevel } from "../schemas/stock-level.ts";

/** More than any order may ask for is never there, so that both ends of the range occur. */
const HIGHEST_LEVEL = 500;

/** A level that looks like one and is the same on every replica. A real service asks its store. */
export function stockLevelOf(productId: string): StockLevel {
  return {
    productId,
    available: Number.parseInt(hash("sha256", productId, "hex").slice(0, 8), 16) % (HIGHEST_LEVEL + 1),
  };
}
