import { expect, test, vi } from "vitest";

import { openApiDocument } from "./openapi/document.ts";
import { isEvent, metric, startService, type ServiceProcess } from "./service-process.fixture.ts";

vi.setConfig({ testTimeout: 20_000 });

/** Tests share their machine: the first call of a process may take its time. */
const patient = { STOCK_ATTEMPT_TIMEOUT_MS: "5000" };

/** A catalogue and its upstream, both from the one file. */
async function startBoth(
  env: Record<string, string> = {},
): Promise<{ catalogue: ServiceProcess; stock: ServiceProcess }> {
  const stock = await startService({ SERVICE_ROLE: "stock", ...env });
  return { stock, catalogue: await startService({ STOCK_URL: stock.url, ...patient, ...env }) };
}

test.concurrent("one file plays both parts: the catalogue asks the stock service", async () => {
  const { catalogue, stock } = await startBoth();
  const response = await fetch(`${catalogue.url}/api/products/walnut-desk`);
  const level = (await (await fetch(`${stock.url}/api/stock/walnut-desk`)).json()) as { available: number };
  expect(response.headers.has("x-degraded")).toBe(false);
  expect(await response.json()).toMatchObject({
    id: "walnut-desk",
    stock: { state: "current", available: level.available },
  });
  expect(await metric(catalogue, 'http_client_attempts_total{upstream="stock",outcome="success"}')).toBe(1);
});

test.concurrent("the upstream goes and comes back: degraded answers, never an error; breaker open, then closed", async () => {
  const { catalogue, stock } = await startBoth({
    STOCK_BREAKER_OPEN_SECONDS: "0.2",
    STOCK_BREAKER_FAILURES: "3",
    STOCK_MAX_ATTEMPTS: "1",
  });
  const ask = async () => {
    const response = await fetch(`${catalogue.url}/api/products/oak-chair`);
    const { stock: known } = (await response.json()) as { stock: { state: string } };
    return [response.status, response.headers.get("x-degraded"), known.state];
  };
  expect(await ask()).toEqual([200, null, "current"]);
  const { port } = new URL(stock.url);
  stock.kill("SIGKILL");
  await stock.exited;
  for (let call = 0; call < 5; call += 1) expect(await ask()).toEqual([200, "stock", "stale"]);
  await catalogue.line(isEvent("upstream.breaker", { to: "open" }));
  expect(await metric(catalogue, 'fallback_total{upstream="stock",kind="stale"}')).toBe(5);
  await startService({ SERVICE_ROLE: "stock", PORT: port });
  await vi.waitFor(async () => expect(await ask()).toEqual([200, null, "current"]), { timeout: 5_000 });
  await catalogue.line(isEvent("upstream.breaker", { to: "closed" }));
});

test.concurrent("the document that is served is the one that the schemas make", async () => {
  const service = await startService();
  expect(await (await fetch(`${service.url}/api/openapi.json`)).json()).toEqual(
    JSON.parse(JSON.stringify(openApiDocument("catalogue"))),
  );
});

test.concurrent("orders are taken, with an umlaut in a body as well", async () => {
  const service = await startService();
  const response = await fetch(`${service.url}/api/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": "k1" },
    body: JSON.stringify({ items: [{ productId: "oak-chair", quantity: 1 }], gruß: 1 }),
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([422, "application/problem+json"]);
  expect(await response.text()).toContain("gruß");
});
