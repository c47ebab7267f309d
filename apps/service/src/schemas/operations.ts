/**
 * What the API takes: these schemas validate requests, type them for the handlers and describe them in the OpenAPI
 * document. What it answers stands in documentation.ts, which the running service does not need.
 */
import * as z from "zod";

import { operation } from "./operation.ts";
import { idempotencyKey, orderRequest } from "./order-request.ts";
import { wholeNumberParameter } from "./parameter.ts";
import { productId } from "./product-id.ts";

const oneProduct = z.object({ id: productId });

export const listProducts = operation({
  method: "get",
  path: "/api/products",
  request: {
    query: z.object({
      limit: wholeNumberParameter({ from: 1, to: 100, fallback: 20, description: "Most products of a page." }),
      after: productId
        .optional()
        .meta({ description: "The id after which the page begins; take it from `links.next`." }),
    }),
  },
});

export const getProduct = operation({ method: "get", path: "/api/products/{id}", request: { path: oneProduct } });

export const placeOrder = operation({
  method: "post",
  path: "/api/orders",
  request: { header: z.object({ "idempotency-key": idempotencyKey }), body: orderRequest },
});

export const getStock = operation({ method: "get", path: "/api/stock/{id}", request: { path: oneProduct } });

export const getOpenApi = operation({ method: "get", path: "/api/openapi.json", request: {} });

export const operations = {
  catalogue: { listProducts, getProduct, placeOrder, getOpenApi },
  stock: { getStock, getOpenApi },
};

export type Role = keyof typeof operations;
export type OperationName = { [R in Role]: keyof (typeof operations)[R] }[Role];
