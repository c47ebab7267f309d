import { expect, test } from "vitest";
import { platformWorkloads, startPlatformWorkload, stopPlatformWorkload } from "./platform-away.ts";

function noting() {
  const done: string[] = [];
  const run = (args: readonly string[]) => {
    done.push(args.join(" "));
    return Promise.resolve("");
  };
  return { done, kubectl: { run } };
}

test("it is gone when its pod is", async () => {
  const { done, kubectl } = noting();
  await stopPlatformWorkload({ kubectl }, platformWorkloads.victoriaLogs);
  expect(done).toEqual([
    "scale statefulset/victoria-logs -n monitoring --replicas=0",
    "wait pods -n monitoring -l app.kubernetes.io/name=victoria-logs --for=delete --timeout=120s",
  ]);
});

test("it is back when it is ready", async () => {
  const { done, kubectl } = noting();
  await startPlatformWorkload({ kubectl }, platformWorkloads.prometheus);
  expect(done).toEqual([
    "scale deployment/prometheus -n monitoring --replicas=1",
    "rollout status deployment/prometheus -n monitoring --timeout=120s",
  ]);
});
