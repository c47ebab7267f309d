import { isUtf8 } from "node:buffer";

import express, { type Request, type RequestHandler } from "express";

import { Problem } from "../problem.ts";

/**
 * Reads a body of JSON into `req.body`: UTF-8 (RFC 8259 8.1), not compressed, at most `limitBytes`.
 *
 * A body that is too large is read to its end and thrown away before 413 is answered, since most clients do not listen
 * while they send; the request timeout bounds how long that may take.
 */
export function readJsonBody(opts: { limitBytes: number }): RequestHandler[] {
  const parse = express.json({
    limit: opts.limitBytes,
    // A compressed body is a way to make little traffic into much memory, and orders are small.
    inflate: false,
    // Anything that is JSON goes to the schema, which says better what is wrong with it.
    strict: false,
    verify: function checkBytes(_req, _res, body) {
      if (body.length === 0) throw missing();
      // The parser would put U+FFFD in the place of broken bytes.
      if (!isUtf8(body)) throw new Problem("BODY_NOT_JSON", "The body is not UTF-8.");
    },
  });
  return [checkCharset, parse, checkRead];
}

/** The parser would take UTF-16 and UTF-32 as well. */
const checkCharset: RequestHandler = function checkCharset(req, _res, next) {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(req.headers["content-type"] ?? "")?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw unsupported("The body must be in UTF-8.");
  next();
};

/** The parser leaves alone what is not for it. */
const checkRead: RequestHandler = function checkRead(req, _res, next) {
  if (req.body === undefined) {
    throw hasBody(req) ? unsupported("The body must be JSON, said by Content-Type: application/json.") : missing();
  }
  next();
};

function hasBody(req: Request): boolean {
  return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
}

function missing(): Problem {
  return new Problem("BODY_MISSING", "The request needs a body of JSON.");
}

function unsupported(detail: string): Problem {
  return new Problem("BODY_TYPE_UNSUPPORTED", detail, { headers: { Accept: "application/json" } });
}
