import type * as z from "zod";

/** What a request may carry. Each part has one schema, which validates it, types it and documents it. */
export interface RequestSchemas {
  path?: z.ZodObject;
  query?: z.ZodObject;
  /** Header names in lower case. */
  header?: z.ZodObject;
  body?: z.ZodType;
}

/** One method of one path, and what it takes. */
export interface Operation<Request extends RequestSchemas = RequestSchemas> {
  method: "get" | "post" | "delete";
  /** With `{name}` for what the path schema calls `name`. */
  path: `/${string}`;
  request: Request;
}

/** What a handler gets: each part of the request that has a schema, validated. */
export type Input<Request extends RequestSchemas> = {
  [Part in keyof Request]: Request[Part] extends z.ZodType<infer Output> ? Output : never;
};

/** Declares an operation; it exists so that the types of its schemas are inferred and checked. */
export function operation<const Request extends RequestSchemas>(opts: Operation<Request>): Operation<Request> {
  return opts;
}
