/**
 * What each operation is for and what it answers: for the OpenAPI document, and for tests that hold the handlers to it.
 * Loaded by the build and by tests only, so that a start does not pay for schemas that validate nothing.
 */
import * as z from "zod";

import type { OperationName } from "./operations.ts";
import { order } from "./order.ts";
import { productPage, productWithStock } from "./product.ts";
import { stockLevel } from "./stock-level.ts";

interface Answer {
  description: string;
  schema: z.ZodType;
  headers?: z.ZodObject;
}

export interface Documentation {
  summary: string;
  description?: string;
  answers: Record<number, Answer>;
  /** Statuses of the problems that this operation has of its own, each with its reason. */
  problems: Record<number, string>;
}

export const documentation: Record<OperationName, Documentation> = {
  listProducts: {
    summary: "The products, page by page",
    description:
      "Pages are cut by the id that comes before them, so a product that comes or goes meanwhile moves no other.",
    answers: { 200: { description: "A page, by id", schema: productPage } },
    problems: { 400: "A parameter is wrong" },
  },

  getProduct: {
    summary: "One product and its stock",
    description:
      "When the stock service is slow or gone the answer is still 200: it says what is known in `stock.state` and that it is degraded in `x-degraded`.",
    answers: {
      200: {
        description: "The product",
        schema: productWithStock,
        headers: z.object({
          "x-degraded": z.literal("stock").optional().meta({ description: "What could not be had just now." }),
        }),
      },
    },
    problems: { 404: "No such product" },
  },

  placeOrder: {
    summary: "Place an order",
    answers: {
      201: {
        description: "The order; sent again with the same key and body, the same answer",
        schema: order,
        headers: z.object({ Location: z.string().meta({ description: "The order's address." }) }),
      },
    },
    problems: {
      400: "Broken JSON, or no usable Idempotency-Key",
      409: "A product is not in the catalogue (any more)",
      413: "The body is too large",
      415: "The body is not JSON in UTF-8",
      422: "The body is JSON, but no order",
    },
  },

  getStock: {
    summary: "How many of a product there are",
    answers: { 200: { description: "The level", schema: stockLevel } },
    problems: { 404: "No such product" },
  },

  getOpenApi: {
    summary: "This document",
    answers: { 200: { description: "OpenAPI 3.1", schema: z.looseObject({ openapi: z.string() }) } },
    problems: {},
  },
};
