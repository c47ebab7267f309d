import { clientGone } from "@holdfast/resilience";

import type { Catalogue } from "../catalogue/catalogue.ts";
import { deadlineOf } from "../http/deadline.ts";
import { route, type Route } from "../http/route.ts";
import { Problem } from "../problem.ts";
import * as operations from "../schemas/operations.ts";
import type { ProductWithStock } from "../schemas/product.ts";
import type { StockClient } from "../stock/client.ts";

/** Without a stock client answers say that stock is unknown. */
export function getProduct({ catalogue, stock }: { catalogue: Catalogue; stock: StockClient | undefined }): Route {
  return route(operations.getProduct, async function answerProduct({ path: { id } }, res) {
    const product = catalogue.find(id);
    if (product === undefined) throw new Problem("RESOURCE_UNKNOWN", `There is no product ${id}.`);
    if (stock === undefined) {
      res.json({ ...product, stock: { state: "unknown" } } satisfies ProductWithStock);
      return;
    }
    const known = await stock.stockOf(id, { deadline: deadlineOf(res), signal: clientGone(res) });
    if (known.state !== "current") res.setHeader("x-degraded", "stock");
    res.json({ ...product, stock: known } satisfies ProductWithStock);
  });
}
