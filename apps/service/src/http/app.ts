import { ResilienceError } from "@holdfast/resilience";
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from "express";

import { Problem, PROBLEM_TYPE, problemDocument, problemOf } from "../problem.ts";
import { checkUrl } from "./request-checks.ts";
import { mount, type Route } from "./route.ts";

export interface AppOptions {
  routes: readonly Route[];
  bodyLimitBytes: number;
  /** Run before the routes, in this order. */
  before?: readonly RequestHandler[];
  /** Told of every error that is the service's own fault, before it is answered. */
  onError?: (error: unknown, req: Request) => void;
}

/** An Express application in which every error is a problem document and every path knows its methods. */
export function createApp(opts: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  // One resource, one URL: /API/Products/ is another one, which does not exist.
  app.enable("case sensitive routing");
  app.enable("strict routing");
  // Whatever NODE_ENV says, Express shall never show a stack to a client.
  app.set("env", "production");

  for (const handler of opts.before ?? []) app.use(handler);
  app.use(checkUrl);
  mount(app, opts.routes, { bodyLimitBytes: opts.bodyLimitBytes });
  app.use(function answerUnknownRoute() {
    throw new Problem("ROUTE_UNKNOWN", "There is nothing under this path.");
  });
  app.use(answerError(opts));
  return app;
}

function answerError({ bodyLimitBytes, onError }: AppOptions): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  // oxlint-disable-next-line max-params
  return function answerProblem(error: unknown, req, res, _next) {
    // The client has gone, and its request was given up for that: there is nobody to answer and nothing to report.
    if (error instanceof ResilienceError && error.code === "CALL_ABORTED") return;
    const problem = problemOf(error, { bodyLimitBytes });
    if (problem.code === "INTERNAL_ERROR") onError?.(problem.cause, req);
    if (res.headersSent) {
      // Half an answer is out: only a broken connection tells the client that it is not whole.
      res.destroy();
      return;
    }
    const body = JSON.stringify(problemDocument(problem));
    // Not `send`, which would add a charset that this type does not have (RFC 9457 3) and an ETag.
    res
      .writeHead(problem.status, {
        ...problem.headers,
        "Cache-Control": "no-store",
        "Content-Type": PROBLEM_TYPE,
        "Content-Length": Buffer.byteLength(body),
      })
      .end(body);
  };
}
