import type { RequestListener } from "node:http";

import type { Lifecycle } from "./lifecycle.ts";
import type { ProbeName } from "./state.ts";

const PROBE_PATH = /^\/(livez|readyz|startupz)(?:\?|$)/;

/**
 * An admin handler that answers `/livez`, `/readyz` and `/startupz` with `{ state, reason }` and 200 or 503, and 404 to the rest:
 * all that a service needs on its admin port when it has no metrics there.
 */
export function createProbeHandler(lifecycle: Pick<Lifecycle, "probe">): RequestListener {
  return function answerProbe(request, response) {
    const name = PROBE_PATH.exec(request.url ?? "")?.[1] as ProbeName | undefined;
    if (name === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { status, state, reason } = lifecycle.probe(name);
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(JSON.stringify({ state, reason }));
  };
}
