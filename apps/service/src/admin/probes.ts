import type { Lifecycle } from "@holdfast/lifecycle";

import { route, type Route } from "../http/route.ts";
import { operation } from "../schemas/operation.ts";

/** `/livez`, `/readyz`, `/startupz`: 200 or 503, with the state and its reason. None asks a dependency. */
export function answerProbes(lifecycle: Pick<Lifecycle, "probe">): Route[] {
  return (["livez", "readyz", "startupz"] as const).map((name) =>
    route(operation({ method: "get", path: `/${name}`, request: {} }), function answerProbe(_input, res) {
      const { status, state, reason } = lifecycle.probe(name);
      res.status(status).set("Cache-Control", "no-store").json({ state, reason });
    }),
  );
}
