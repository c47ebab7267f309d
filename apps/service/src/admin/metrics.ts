import type { Telemetry } from "@holdfast/telemetry";

import { route, type Route } from "../http/route.ts";
import { operation } from "../schemas/operation.ts";

const getMetrics = operation({ method: "get", path: "/metrics", request: {} });

export function answerMetrics(telemetry: Pick<Telemetry, "render">): Route {
  return route(getMetrics, async function answerScrape(_input, res, req) {
    const { status, headers, body } = await telemetry.render(req);
    // Not `send`, which would hash the whole text for an ETag that no scraper uses.
    res.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
  });
}
