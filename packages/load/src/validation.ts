import { z } from "zod";

/** An object without settings that nobody reads: a misspelt one would silently mean its default. */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? `has no setting ${JSON.stringify(issue.keys)}` : "must be an object",
  });
}

/** What a schema found wrong, as one sentence: every mistake with its place, the rule, and what was found there. */
export function mistakes(error: z.ZodError, input: unknown): string {
  return error.issues
    .map((issue) => {
      const place = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
      const found = issue.code === "unrecognized_keys" ? "" : `, found ${shown(valueAt(input, issue.path))}`;
      return `${place === "" ? "" : `${place.replace(/^\./, "")} `}${issue.message}${found}`;
    })
    .join("; ");
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "bigint" || typeof value === "function" ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
