/** What a pod needs beyond pod security `restricted`, by the API server's own words. Pure. */
import { Broken } from "./judgement.ts";

/**
 * What the log agent needs to read what the containers write: directories of the node, and to be root, whose files these are. It may be no
 * more than that.
 */
const READS_LOGS = new Set(["restricted volume types", "runAsNonRoot != true", "runAsUser=0"]);

/** The rules that a refusal names: `allowPrivilegeEscalation != false`, without the places where they are broken. */
export function brokenRules(refusal: string): string[] {
  const [, list = ""] = /violates PodSecurity "restricted:[^"]*": (.*)$/.exec(refusal) ?? [];
  // What stands in brackets has commas of its own.
  return withoutBrackets(list)
    .split(",")
    .map((rule) => rule.trim())
    .filter((rule) => rule !== "");
}

/** @throws Broken where the one that is exempt from `restricted` takes more than it needs */
export function judgeExempt(name: string, refusal: string | undefined): string {
  if (refusal === undefined) return `${name} needs no exception`;
  const rules = brokenRules(refusal);
  const more = rules.filter((rule) => !READS_LOGS.has(rule));
  if (rules.length === 0 || more.length > 0)
    throw new Broken(`${name} takes more than it needs: ${more.join(", ") || refusal}.`);
  return `${name} is exempt for ${rules.join(", ")} alone`;
}

function withoutBrackets(text: string): string {
  let depth = 0;
  let kept = "";
  for (const letter of text) {
    if (letter === "(") depth += 1;
    if (depth === 0) kept += letter;
    if (letter === ")") depth -= 1;
  }
  return kept;
}
