import { expect, test, vi } from "vitest";

import { fault, isState, metric, probe, startService, type ServiceProcess } from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

const quick = { FAULTS_ENABLED: "true", SHED_ABOVE: "0.8", SHED_BELOW: "0.5", SHED_INTERVAL_MS: "100" };

/** Sends requests one after another for a while, and gives the answers that were not 200. */
async function refusals(service: ServiceProcess, forMs: number): Promise<Response[]> {
  const refused: Response[] = [];
  const endsAtMs = performance.now() + forMs;
  while (performance.now() < endsAtMs) {
    const response = await fetch(`${service.url}/api/products`);
    if (response.status === 200) await response.arrayBuffer();
    else refused.push(response);
  }
  return refused;
}

test("a replica that is too busy sheds: 503 with Retry-After, counted, still live and ready; then it recovers", async () => {
  const service = await startService(quick);
  await fault(service, { fault: "cpu-burn", share: 0.95 });
  await service.line(isState("shedding"));
  const refused = await refusals(service, 500);
  expect(refused.length).toBeGreaterThan(0);
  expect([await probe(service, "livez"), await probe(service, "readyz"), await probe(service, "startupz")]).toEqual([
    200, 200, 200,
  ]);
  const [first] = refused;
  expect([first?.status, first?.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
  expect(Number(first?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await first?.json()).toMatchObject({ status: 503, code: "OVERLOADED" });
  // Shed requests are offered load: in the counter of their own and in the histogram.
  expect(await metric(service, "http_server_shed_requests_total")).toBe(refused.length);
  const series =
    'http_server_request_duration_seconds_count{http_request_method="GET",http_route="_UNMATCHED",http_response_status_code="503"}';
  expect(await metric(service, series)).toBe(refused.length);
  await fetch(`${service.adminUrl}/faults`, { method: "DELETE" });
  await service.line(
    (line) => line["event.name"] === "lifecycle.state" && line["from"] === "shedding" && line["to"] === "ready",
  );
});

test("control: with shedding off the same load is served slowly, and nothing is refused", async () => {
  const service = await startService({ ...quick, SHED_ABOVE: "1", SHED_BELOW: "0.99" });
  await fault(service, { fault: "cpu-burn", share: 1, ttlSeconds: 1 });
  expect(await refusals(service, 700)).toEqual([]);
  expect(await metric(service, "http_server_shed_requests_total")).toBe(0);
});
