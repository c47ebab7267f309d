/** As much of PromQL as a check of names needs: which metrics an expression reads, by which labels. */

interface LabelMatch {
  label: string;
  operator: "=" | "!=" | "=~" | "!~";
  value: string;
}

interface Selector {
  metric: string;
  matches: readonly LabelMatch[];
}

interface Names {
  selectors: readonly Selector[];
  /** Labels of `by (...)`, `without (...)`, `on (...)`, `ignoring (...)`, `group_left (...)`, `group_right (...)`. */
  grouping: readonly string[];
}

// A text in quotes may hold braces, brackets and everything else, a pattern's {1,10} first of all.
const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const MATCH = String.raw`\s*[a-zA-Z_]\w*\s*(?:=~|!~|!=|=)\s*${TEXT}\s*`;
const SELECTOR = new RegExp(String.raw`([a-zA-Z_:][\w:]*)\s*(\{(?:${MATCH}(?:,${MATCH})*,?)?\}|(?=\[))`, "g");
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/**
 * Finds each `metric{...}` and `metric[...]`.
 *
 * @throws Error where there is none: an expression that reads nothing is a mistake, or more PromQL than this knows.
 */
export function namesIn(expression: string): Names {
  const selectors = [...expression.matchAll(SELECTOR)].map(([, metric = "", braces = ""]): Selector => {
    const matches = [...braces.matchAll(new RegExp(String.raw`(\w+)\s*(=~|!~|!=|=)\s*(${TEXT})`, "g"))];
    return {
      metric,
      matches: matches.map(([, label = "", operator, text = '""']) => ({
        label,
        operator: operator as LabelMatch["operator"],
        value: JSON.parse(text) as string,
      })),
    };
  });
  if (selectors.length === 0) throw new Error(`No metric{...} and no metric[...] stands in: ${expression}`);
  const withoutTexts = expression.replaceAll(new RegExp(TEXT, "g"), '""');
  const grouping = [...withoutTexts.matchAll(GROUPING)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
  return { selectors, grouping };
}

/** Whether a label with this value is selected. Prometheus' patterns are anchored at both ends. */
export function selects({ operator, value }: LabelMatch, labelValue: string): boolean {
  const isEqual =
    operator === "=" || operator === "!=" ? value === labelValue : new RegExp(`^(?:${value})$`).test(labelValue);
  return operator.startsWith("!") ? !isEqual : isEqual;
}
