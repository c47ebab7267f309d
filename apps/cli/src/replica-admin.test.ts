import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { addFault, readVitals, vitalsOf } from "./replica-admin.ts";

const exposition = `# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/api/products",le="+Inf"} 40
http_server_request_duration_seconds_count{http_route="/api/products",http_response_status_code="200"} 40
http_server_request_duration_seconds_count{http_route="/api/orders",http_response_status_code="201"} 2
http_client_request_duration_seconds_count{server_address="stock"} 900
lifecycle_state{state="ready"} 1
lifecycle_state{state="shedding"} 0
`;

async function serve(status: number, body: string): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("a replica's requests are the sum over routes, methods and statuses, and no other metric", async () => {
  expect(await readVitals(await serve(200, exposition))).toEqual({ requests: 42, shedding: false });
});

test("a replica that sheds says so", () => {
  expect(vitalsOf(exposition.replace('"shedding"} 0', '"shedding"} 1'))).toMatchObject({ shedding: true });
});

test("a replica that does not answer has said nothing, which is not 0", async () => {
  expect(await readVitals(await serve(500, ""))).toBeUndefined();
  expect(await readVitals(1)).toBeUndefined();
});

test("a fault that is refused is told in the replica's words", async () => {
  const port = await serve(422, "delayMs is too long");
  await expect(addFault(port, { fault: "latency", ttlSeconds: 1 })).rejects.toMatchObject({
    code: "FAULT_REFUSED",
    message: `The replica at http://127.0.0.1:${port} refused POST /faults: delayMs is too long`,
  });
});
