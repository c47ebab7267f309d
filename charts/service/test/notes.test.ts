/** NOTES.txt says how to see it work, and for each mode where scaling can be seen. */
import { expect, test } from "vitest";

import { render } from "./render.ts";

const notes = (values: object) => render({ values, namespace: "shop", notes: true }).notes ?? "";

test("how to see it work", () => {
  const text = notes({});
  expect(text).toContain("helm test catalogue -n shop");
  expect(text).toContain("get pods -l app.kubernetes.io/instance=catalogue,app.kubernetes.io/name=service -o wide");
  expect(text).toContain("port-forward service/catalogue 8080:80");
  expect(text).toContain("60 s to start and 26 s to end (5 s of them while traffic still arrives)");
  expect(text).not.toContain("WARNING");
});

test.each([
  ["none", "3 replicas, fixed"],
  ["hpa", "kubectl -n shop get hpa catalogue --watch"],
  ["keda", "kubectl -n shop get hpa keda-hpa-catalogue --watch"],
  ["external", "Point it at the scale of deployment/catalogue"],
])("where scaling can be seen: mode %s", (mode, words) => {
  expect(notes({ autoscaling: { mode } })).toContain(words);
});

const shipping = (mode: string, more: object = {}) => ({
  logShipping: { mode, sidecar: { endpoint: "http://store/v1/logs", ...more } },
});

test.each([
  ["node", "kubectl -n shop logs -l app.kubernetes.io/instance=catalogue,app.kubernetes.io/name=service --prefix"],
  ["sidecar", "-c log-shipper --prefix        # says when the destination does not answer"],
  ["none", "a pod's lines are gone with it"],
])("where logs can be seen: mode %s", (mode, words) => {
  expect(notes(shipping(mode))).toContain(words);
});

test("what a log shipper may lose, and when", () => {
  const text = notes(shipping("sidecar", { shipSeconds: 3.5, files: 6, queueBytes: 16_777_216 }));
  expect(text).toContain("unless the destination answers within 3.5 s of the last line");
  expect(text).toContain("the oldest lines beyond 48 MiB of files and 16 MiB of queue");
  // 26 s and 3.5, rounded up.
  expect(text).toContain("30 s to end");
  expect(notes({})).not.toContain("What may be lost");
});

test("where traces go, how many, and which alert there is", () => {
  expect(notes({})).toContain("Traces: none are sent");
  expect(notes({})).not.toContain("Alert:");
  const values = { telemetry: { otlp: { endpoint: "http://traces:4318" }, traces: { sampleRatio: 0.07 } } };
  const text = notes({ ...values, prometheusRule: { enabled: true, errorRatio: { threshold: 0.001 } } });
  expect(text).toContain("Traces: 7 % of those begun here");
  expect(text).toContain("go to http://traces:4318.");
  expect(text).toContain("when more than 0.1 % of the requests of 60 s fail for 60 s");
});

test("the workshop's scaler is KEDA", () => {
  const text = render({ profile: "workshop", namespace: "shop", notes: true }).notes;
  expect(text).toContain("Scaling: KEDA, 3 to 7 replicas, 20 offered requests/s each");
});

test.each([
  [{ shutdown: { enabled: false, acceptLoss: true } }, "every rollout, drain and scale-in loses requests"],
  [{ shutdown: { preStopSeconds: 0 } }, "connections are refused while the nodes still send traffic"],
  [shipping("sidecar", { queueStorage: "memory" }), "what waits for the destination is lost with the collector"],
  [{ faults: { enabled: true, acceptRisk: true } }, "can crash, block or slow each replica"],
])("what is dangerous: %j", (values, words) => {
  expect(notes(values)).toMatch(new RegExp(`WARNING: .*${words}`));
});

test.each([
  ["NodePort", ".spec.ports[0].nodePort"],
  ["LoadBalancer", ".status.loadBalancer.ingress[0]"],
])("where a %s is", (type, words) => {
  expect(notes({ service: { type } })).toContain(words);
});
