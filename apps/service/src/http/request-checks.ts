/** What is wrong with a request whatever route it is for. Each costs a comparison where nothing is. */
import type { RequestHandler } from "express";

import { Problem } from "../problem.ts";

/** RFC 9110 4.1 asks every server for at least 8000 octets; the parser's own bound (16 KiB with all headers) answers 431. */
const LONGEST_URL = 8_000;

export const checkUrl: RequestHandler = function checkUrl(req, res, next) {
  const { url } = req;
  if (url.length > LONGEST_URL) throw new Problem("URL_TOO_LONG", `The URL is longer than ${LONGEST_URL} characters.`);
  // Without this a broken escape is 400 where a route has a parameter and 404 elsewhere.
  if (url.includes("%") && !isDecodable(url)) {
    throw new Problem("URL_ENCODING_INVALID", "The URL is not percent-encoded UTF-8.");
  }
  // RFC 9110 9.3.7: asks about the server as a whole.
  if (url === "*" && req.method === "OPTIONS") {
    res.status(204).set("Allow", "GET, HEAD, POST, OPTIONS").end();
    return;
  }
  next();
};

export const checkAccept: RequestHandler = function checkAccept(req, _res, next) {
  const { accept } = req.headers;
  if (accept !== undefined && !accept.includes("*/*") && req.accepts("json") === false) {
    throw new Problem("NOT_ACCEPTABLE", "This service answers application/json only.");
  }
  next();
};

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
