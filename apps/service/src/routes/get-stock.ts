import type { Catalogue } from "../catalogue/catalogue.ts";
import { route, type Route } from "../http/route.ts";
import { Problem } from "../problem.ts";
import * as operations from "../schemas/operations.ts";
import { stockLevelOf } from "../stock/levels.ts";

export function getStock({ catalogue }: { catalogue: Catalogue }): Route {
  return route(operations.getStock, function answerStock({ path: { id } }, res) {
    if (catalogue.find(id) === undefined) throw new Problem("RESOURCE_UNKNOWN", `There is no product ${id}.`);
    res.json(stockLevelOf(id));
  });
}
