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

test("the workshop's scaler is KEDA", () => {
  const text = render({ profile: "workshop", namespace: "shop", notes: true }).notes;
  expect(text).toContain("Scaling: KEDA, 3 to 7 replicas, 20 offered requests/s each");
});

test.each([
  [{ shutdown: { enabled: false, acceptLoss: true } }, "every rollout, drain and scale-in loses requests"],
  [{ shutdown: { preStopSeconds: 0 } }, "connections are refused while the nodes still send traffic"],
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
