import * as z from "zod";

/** A problem document, RFC 9457. */
export const problem = z
  .object({
    type: z.literal("about:blank").meta({ description: "The status says what happened; `code` says it more exactly." }),
    title: z.string().meta({ description: "The status' own words." }),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: "What was found and what to do, for a person." }),
    code: z.string().meta({
      description: "The same for the same kind of mistake, for a program.",
      example: "BODY_INVALID",
    }),
    errors: z
      .array(
        z.object({
          in: z.enum(["path", "query", "header", "body"]),
          at: z.string().meta({ description: "A parameter's name, or a JSON pointer (RFC 6901) into the body." }),
          detail: z.string(),
        }),
      )
      .optional()
      .meta({ description: "Each mistake, at most ten." }),
  })
  .meta({ id: "Problem" });
export type ProblemDocument = z.output<typeof problem>;
export type ProblemMistake = NonNullable<ProblemDocument["errors"]>[number];
