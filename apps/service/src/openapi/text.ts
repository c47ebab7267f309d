import type { Role } from "../schemas/operations.ts";
import { openApiDocument } from "./document.ts";

/**
 * The OpenAPI document of a role as JSON. The build puts the finished text in this file's place, so that the program
 * carries no generator and its start pays nothing.
 */
export function openApiText(role: Role): string {
  return JSON.stringify(openApiDocument(role));
}
