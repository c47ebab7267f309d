import type { Catalogue } from "../catalogue/catalogue.ts";
import { route, type Route } from "../http/route.ts";
import * as operations from "../schemas/operations.ts";
import type { ProductPage } from "../schemas/product.ts";

export function listProducts({ catalogue }: { catalogue: Catalogue }): Route {
  return route(operations.listProducts, function answerProducts({ query: { limit, after } }, res) {
    const { items, more } = catalogue.page({ limit, after });
    const last = items.at(-1);
    const page: ProductPage = {
      items: [...items],
      links: {
        self: pageLink(limit, after),
        ...(more && last !== undefined && { next: pageLink(limit, last.id) }),
      },
    };
    res.json(page);
  });
}

/** Relative, so that it holds behind whatever host and proxy the client came through. */
function pageLink(limit: number, after: string | undefined): string {
  return `/api/products?limit=${limit}${after === undefined ? "" : `&after=${after}`}`;
}
