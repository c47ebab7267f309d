import type { Product } from "../schemas/product.ts";

export interface Catalogue {
  find(id: string): Product | undefined;
  /** At most `limit` products whose ids come after `after`, in the order of their ids. */
  page(opts: { limit: number; after: string | undefined }): { items: readonly Product[]; more: boolean };
}

/** A catalogue in memory. What replaces it asks a store and keeps this interface, with promises. */
export function createCatalogue(products: readonly Product[]): Catalogue {
  const sorted = products.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const byId = new Map(sorted.map((product) => [product.id, product]));

  return {
    find: (id) => byId.get(id),
    page({ limit, after }) {
      const start = after === undefined ? 0 : firstAfter(sorted, after);
      return { items: sorted.slice(start, start + limit), more: start + limit < sorted.length };
    },
  };
}

function firstAfter(sorted: readonly Product[], after: string): number {
  const index = sorted.findIndex((product) => product.id > after);
  return index === -1 ? sorted.length : index;
}
