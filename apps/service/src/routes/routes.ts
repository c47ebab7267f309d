/** The API of each role. A team replaces these files and keeps the rest. */
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Route } from "../http/route.ts";
import type { Role } from "../schemas/operations.ts";
import type { StockClient } from "../stock/client.ts";
import { getOpenApi } from "./get-openapi.ts";
import { getProduct } from "./get-product.ts";
import { getStock } from "./get-stock.ts";
import { listProducts } from "./list-products.ts";
import { placeOrder } from "./place-order.ts";

export interface RoutesOptions {
  role: Role;
  catalogue: Catalogue;
  /** Absent: answers say that stock is unknown. */
  stock?: StockClient | undefined;
}

export function createRoutes({ role, catalogue, stock }: RoutesOptions): Route[] {
  switch (role) {
    case "catalogue":
      return [
        listProducts({ catalogue }),
        getProduct({ catalogue, stock }),
        placeOrder({ catalogue }),
        getOpenApi({ role }),
      ];
    case "stock":
      return [getStock({ catalogue }), getOpenApi({ role })];
  }
}
