import { expect, test } from "vitest";
import { loadAgentPod } from "./load-agent-pod.ts";

test("the load agent stands on the control-plane node, ends with its input and holds to the restricted pod security", () => {
  const { spec } = loadAgentPod({ image: "localhost:5001/holdfast/load-agent:sha-1" });
  expect(spec.nodeSelector).toEqual({ "node-role.kubernetes.io/control-plane": "" });
  expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  expect(spec.containers).toEqual([
    expect.objectContaining({
      image: "localhost:5001/holdfast/load-agent:sha-1",
      stdin: true,
      stdinOnce: true,
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
    }),
  ]);
});

test("the load agent's output, the ledger, is shipped by no log agent", () => {
  expect(loadAgentPod({ image: "agent:1" }).metadata.annotations).toEqual({ "holdfast/log-shipping": "none" });
});
