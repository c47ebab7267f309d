/** An operation together with the handler that answers it. */
import type { IRouter, Request, RequestHandler, Response } from "express";
import type * as z from "zod";

import { Problem, type ProblemCode } from "../problem.ts";
import type { Input, Operation, RequestSchemas } from "../schemas/operation.ts";
import type { ProblemMistake } from "../schemas/problem.ts";
import { readJsonBody } from "./json-body.ts";

/** Answers one request, whose parts are validated already. What it throws becomes a problem document. */
export type Handler<Schemas extends RequestSchemas> = (
  input: Input<Schemas>,
  res: Response,
  req: Request,
) => void | Promise<void>;

export interface Route {
  operation: Operation;
  handlers: (opts: { bodyLimitBytes: number }) => RequestHandler[];
}

export function route<Schemas extends RequestSchemas>(operation: Operation<Schemas>, handler: Handler<Schemas>): Route {
  const read = reader(operation.request);

  function answer(req: Request, res: Response): void | Promise<void> {
    return handler(read(req) as Input<Schemas>, res, req);
  }

  return {
    operation,
    handlers: ({ bodyLimitBytes }) =>
      operation.request.body === undefined ? [answer] : [...readJsonBody({ limitBytes: bodyLimitBytes }), answer],
  };
}

/** Mounts routes: per path its methods, HEAD with GET, OPTIONS, and 405 with `Allow` for every other method. */
export function mount(app: IRouter, routes: readonly Route[], opts: { bodyLimitBytes: number }): void {
  for (const [path, onPath] of Map.groupBy(routes, ({ operation }) => operation.path)) {
    const expressRoute = app.route(path.replaceAll(/\{(\w+)\}/g, ":$1"));
    for (const { operation, handlers } of onPath) expressRoute[operation.method](...handlers(opts));
    const allow = allowed(onPath.map(({ operation }) => operation.method));
    expressRoute.options((_req, res) => void res.status(204).set("Allow", allow).end());
    expressRoute.all((req) => {
      throw new Problem("METHOD_NOT_ALLOWED", `${req.method} is not possible here; allowed: ${allow}.`, {
        headers: { Allow: allow },
      });
    });
  }
}

function allowed(methods: readonly string[]): string {
  const names = methods.map((method) => method.toUpperCase());
  if (names.includes("GET")) names.push("HEAD");
  return [...names, "OPTIONS"].join(", ");
}

/** Where each part stands in a request, and what is said when it does not fit its schema. */
const parts = [
  {
    name: "path",
    of: (req: Request) => req.params,
    code: "RESOURCE_UNKNOWN",
    detail: "There is nothing under this path.",
  },
  { name: "query", of: (req: Request) => req.query, code: "PARAMETERS_INVALID", detail: "A parameter is wrong." },
  {
    name: "header",
    of: (req: Request) => req.headers,
    code: "PARAMETERS_INVALID",
    detail: "A header is missing or wrong.",
  },
  {
    name: "body",
    of: (req: Request) => req.body as unknown,
    code: "BODY_INVALID",
    detail: "The body does not fit its schema.",
  },
] as const satisfies { name: keyof RequestSchemas; of: (req: Request) => unknown; code: ProblemCode; detail: string }[];

function reader(schemas: RequestSchemas): (req: Request) => Record<string, unknown> {
  const used = parts.flatMap((part) => {
    const schema = schemas[part.name];
    return schema === undefined ? [] : [{ ...part, schema }];
  });

  return function read(req) {
    const input: Record<string, unknown> = {};
    for (const { name, of, schema, code, detail } of used) {
      const result = schema.safeParse(of(req));
      if (!result.success) {
        throw new Problem(code, detail, { errors: result.error.issues.map((issue) => mistakeOf(name, issue)) });
      }
      input[name] = result.data;
    }
    return input;
  };
}

function mistakeOf(part: ProblemMistake["in"], issue: z.core.$ZodIssue): ProblemMistake {
  const at = part === "body" ? pointer(issue.path) : issue.path.join(".");
  return { in: part, at, detail: issue.message };
}

/** RFC 6901. */
function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
