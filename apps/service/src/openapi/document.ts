import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";

import { documentation, type Documentation } from "../schemas/documentation.ts";
import type { RequestSchemas } from "../schemas/operation.ts";
import { operations, type OperationName, type Role } from "../schemas/operations.ts";
import { problem } from "../schemas/problem.ts";
import { buildVersion } from "../version.ts";

const titles: Record<Role, string> = { catalogue: "Catalogue", stock: "Stock" };

const problemContent = { "application/problem+json": { schema: problem } };

/** The OpenAPI 3.1 document of a role, made out of the schemas that validate its requests. */
export function openApiDocument(role: Role): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const [name, { path, method, request }] of Object.entries(operations[role])) {
    const described = describeOperation(name, { request, ...documentation[name as OperationName] });
    paths[path] = { ...paths[path], [method]: described };
  }
  return createDocument({
    openapi: "3.1.1",
    info: {
      title: titles[role],
      version: buildVersion,
      description:
        "Every error is a problem document (RFC 9457). When a replica has too much to do it answers 503 with Retry-After.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
  });
}

function describeOperation(
  operationId: string,
  opts: Documentation & { request: RequestSchemas },
): ZodOpenApiOperationObject {
  const { request, summary, description, answers, problems } = opts;
  const responses: ZodOpenApiOperationObject["responses"] = {};
  for (const [status, answer] of Object.entries(answers)) {
    responses[status as `2${string}`] = {
      description: answer.description,
      content: { "application/json": { schema: answer.schema } },
      ...(answer.headers && { headers: answer.headers }),
    };
  }
  for (const [status, reason] of Object.entries(problems)) {
    responses[status as `4${string}`] = { description: reason, content: problemContent };
  }
  responses.default = { description: "Any other error", content: problemContent };
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    requestParams: {
      ...(request.path && { path: request.path }),
      ...(request.query && { query: request.query }),
      ...(request.header && { header: request.header }),
    },
    ...(request.body && { requestBody: { required: true, content: { "application/json": { schema: request.body } } } }),
    responses,
  };
}
