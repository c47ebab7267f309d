import * as z from "zod";

import { route, type Route } from "../http/route.ts";
import { faultNames, faultRequest } from "../schemas/fault.ts";
import { operation } from "../schemas/operation.ts";
import type { Faults } from "./faults.ts";

const startFault = operation({ method: "post", path: "/faults", request: { body: faultRequest } });
const listFaults = operation({ method: "get", path: "/faults", request: {} });
const clearFaults = operation({ method: "delete", path: "/faults", request: {} });
const clearFault = operation({
  method: "delete",
  path: "/faults/{fault}",
  request: { path: z.object({ fault: z.enum(faultNames) }) },
});

/** `/faults` of the admin port: switch one on, see which work, switch one or all off. */
export function manageFaults(faults: Pick<Faults, "start" | "list" | "clear">): Route[] {
  return [
    route(startFault, function answerStart({ body }, res) {
      res.status(201).json(faults.start(body));
    }),
    route(listFaults, function answerList(_input, res) {
      res.set("Cache-Control", "no-store").json({ active: faults.list() });
    }),
    route(clearFaults, function answerClearAll(_input, res) {
      faults.clear();
      res.status(204).end();
    }),
    route(clearFault, function answerClear({ path: { fault } }, res) {
      faults.clear(fault);
      res.status(204).end();
    }),
  ];
}
