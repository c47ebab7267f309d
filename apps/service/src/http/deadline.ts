import { DEADLINE_HEADER, readDeadline, type Deadline } from "@holdfast/resilience";
import type { RequestHandler, Response } from "express";

import { Problem } from "../problem.ts";

/**
 * Starts each request's deadline: what the caller still has, at most the longest allowed request. A caller that has no
 * time left is told so at once (504), since nobody would hear the answer.
 */
export function startDeadlines(opts: { longestMs: number }): RequestHandler {
  return function startDeadline(req, res, next) {
    const deadline = readDeadline(req.headers[DEADLINE_HEADER], opts);
    if (deadline.expired) throw new Problem("DEADLINE_EXCEEDED", `The caller's time is over: ${DEADLINE_HEADER} is 0.`);
    res.locals["deadline"] = deadline;
    next();
  };
}

/** The deadline of the request that this response answers. */
export function deadlineOf(res: Response): Deadline {
  return res.locals["deadline"] as Deadline;
}
