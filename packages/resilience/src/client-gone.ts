import type { ServerResponse } from "node:http";

/**
 * A signal that is aborted when the client hangs up before its answer is complete; give it to `Upstream.call`, so that
 * nobody is asked on behalf of somebody who has left. It needs no clean-up: it ends with the response.
 */
export function clientGone(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once("close", function onClose() {
    if (!res.writableFinished) controller.abort(new DOMException("The client has gone.", "AbortError"));
  });
  return controller.signal;
}
