import { expect, test } from "vitest";
import { brokenRules, judgeExempt } from "./privileges.ts";

const AGENT =
  'pods "try" is forbidden: violates PodSecurity "restricted:latest": restricted volume types (volumes "logs", "state" use restricted volume type "hostPath"), runAsNonRoot != true (pod or container "log-agent" must set securityContext.runAsNonRoot=true), runAsUser=0 (pod must not set runAsUser=0)';

test("a refusal is read rule by rule, whatever stands in its brackets", () => {
  expect(brokenRules(AGENT)).toEqual(["restricted volume types", "runAsNonRoot != true", "runAsUser=0"]);
  expect(brokenRules("something else")).toEqual([]);
});

test("the agent may read files of root on its node, and no more", () => {
  expect(judgeExempt("log-agent", AGENT)).toBe(
    "log-agent is exempt for restricted volume types, runAsNonRoot != true, runAsUser=0 alone",
  );
  expect(judgeExempt("log-agent", undefined)).toContain("needs no exception");
  const privileged = `${AGENT}, privileged (container "log-agent" must not set securityContext.privileged=true)`;
  expect(() => judgeExempt("log-agent", privileged)).toThrow("log-agent takes more than it needs: privileged.");
  expect(() => judgeExempt("log-agent", "no reason at all")).toThrow(/no reason at all/);
});
