/** An API as the service makes it, for tests of its routes. */
import type { Express } from "express";
import request, { type Response } from "supertest";
import { expect } from "vitest";

import { createApi, type ApiOptions } from "./api.ts";
import { createCatalogue } from "./catalogue/catalogue.ts";
import { products } from "./catalogue/products.ts";
import { createRoutes, type RoutesOptions } from "./routes/routes.ts";
import { documentation } from "./schemas/documentation.ts";
import type { OperationName } from "./schemas/operations.ts";
import { problem } from "./schemas/problem.ts";

const catalogue = createCatalogue(products);

export function testApi(opts: Partial<ApiOptions & RoutesOptions> = {}): Express {
  const { role = "catalogue", stock } = opts;
  return createApi({
    routes: createRoutes({ role, catalogue, stock }),
    longestRequestMs: 1_000,
    bodyLimitBytes: 4_096,
    ...opts,
  });
}

export function testAgent(opts: Partial<ApiOptions & RoutesOptions> = {}) {
  return request(testApi(opts));
}

/** The status of an answer, whose body is exactly what the operation documents for that status. */
export function answerIn(response: Response, operation: OperationName): number {
  const schema = documentation[operation].answers[response.status]?.schema;
  expect(response.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(schema?.parse(response.body)).toEqual(response.body);
  return response.status;
}

/** Status and code of an answer, which is a problem document as it should be. */
export function problemIn(response: Response): string {
  // supertest gives a body of a type that it does not know as text only.
  const body = problem.parse(JSON.parse(response.text));
  expect(JSON.parse(response.text)).toEqual(body);
  expect(response.headers["content-type"]).toBe("application/problem+json");
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(body.status).toBe(response.status);
  return `${response.status} ${body.code}`;
}
