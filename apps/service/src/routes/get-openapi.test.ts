import { expect, test } from "vitest";

import { answerIn, testAgent } from "../api.fixture.ts";
import { operations, type Role } from "../schemas/operations.ts";

test.each<Role>(["catalogue", "stock"])("the %s describes each of its operations, and nothing else", async (role) => {
  const response = await testAgent({ role }).get("/api/openapi.json");
  expect(answerIn(response, "getOpenApi")).toBe(200);
  const { openapi, paths } = response.body as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  expect(openapi).toMatch(/^3\.1\./);
  const described = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(described.toSorted()).toEqual(Object.keys(operations[role]).toSorted());
});

test("what is documented is what validates: bounds and defaults are those of the schemas", async () => {
  const { paths } = (await testAgent().get("/api/openapi.json")).body as {
    paths: Record<string, { get: { parameters: { name: string; schema: object }[] } }>;
  };
  const limit = paths["/api/products"]?.get.parameters.find(({ name }) => name === "limit");
  expect(limit?.schema).toMatchObject({ type: "integer", minimum: 1, maximum: 100, default: 20 });
});
