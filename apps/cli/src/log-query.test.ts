import { expect, test } from "vitest";
import { logQuery } from "./log-query.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

test.for([
  [{ traceId }, `trace_id:="${traceId}"`],
  [{ traceId, since: 60 }, `_time:60s trace_id:="${traceId}"`],
  [{}, '_time:300s {"k8s.namespace.name"=~"holdfast.*"}'],
  [{ pod: "catalogue" }, '_time:300s {"k8s.pod.name"=~"catalogue.*"}'],
  [{ pod: "catalogue-1.a", since: 7_200 }, '_time:7200s {"k8s.pod.name"=~"catalogue-1[.]a.*"}'],
  [{ traceId, pod: "stock-" }, `{"k8s.pod.name"=~"stock-.*"} trace_id:="${traceId}"`],
] as const)("%j asks for %s", ([choice, query]) => {
  expect(logQuery(choice)).toBe(query);
});

test.for(["", "Catalogue", '"} or *', "-x", "a b", "x".repeat(254)])("no pod is called %s", (pod) => {
  expect(() => logQuery({ pod })).toThrow(/^--pod takes the name of a pod, or what it begins with/);
});
