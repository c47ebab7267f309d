import type { Shedder } from "@holdfast/resilience";
import type { Express, Request, RequestHandler } from "express";

import { createApp } from "./http/app.ts";
import { startDeadlines } from "./http/deadline.ts";
import { checkAccept } from "./http/request-checks.ts";
import type { Route } from "./http/route.ts";

export interface ApiOptions {
  routes: readonly Route[];
  longestRequestMs: number;
  bodyLimitBytes: number;
  /** Refuses what cannot be served in time, before anything of it is read. */
  shedder?: Pick<Shedder, "middleware">;
  /** Name of the replica for `x-served-by`; absent, answers do not say it. */
  servedBy?: string | undefined;
  /** Faults that were switched on for requests; absent, there are none to switch on. */
  disturb?: RequestHandler | undefined;
  onError?: (error: unknown, req: Request) => void;
}

/** The public API: what runs before every route, in this order, and the routes. */
export function createApi(opts: ApiOptions): Express {
  const { servedBy, shedder, disturb } = opts;
  return createApp({
    routes: opts.routes,
    bodyLimitBytes: opts.bodyLimitBytes,
    ...(opts.onError && { onError: opts.onError }),
    before: [
      ...(servedBy === undefined ? [] : [sayServedBy(servedBy)]),
      ...(shedder === undefined ? [] : [shedder.middleware()]),
      startDeadlines({ longestMs: opts.longestRequestMs }),
      ...(disturb === undefined ? [] : [disturb]),
      checkAccept,
    ],
  });
}

function sayServedBy(replica: string): RequestHandler {
  return function sayWhoServed(_req, res, next) {
    res.setHeader("x-served-by", replica);
    next();
  };
}
