import * as z from "zod";

interface WholeNumber {
  from: number;
  to: number;
  fallback: number;
  description: string;
}

/** A whole number in a query: digits only, where `z.coerce` would also take `1e1`, `0x10` and an empty text. */
export function wholeNumberParameter({ from, to, fallback, description }: WholeNumber) {
  return z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .default(String(fallback))
    .transform(Number)
    .refine((value) => value >= from && value <= to, `must be from ${from} to ${to}`)
    .meta({
      description,
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: "integer", minimum: from, maximum: to, default: fallback });
      },
    });
}
