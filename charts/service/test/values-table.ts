/** The README's table of values: descriptions and what is allowed from values.schema.json, defaults from values.yaml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

import { chart } from "./helm.ts";

/** As much of JSON Schema as values.schema.json uses. */
export interface Schema {
  $ref?: string;
  description?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  pattern?: string;
  items?: Schema;
  oneOf?: readonly Schema[];
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  patternProperties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  $defs?: Readonly<Record<string, Schema>>;
}

export const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")) as Schema;

interface Value {
  /** As in `--set`: `shutdown.preStopSeconds`. */
  path: string;
  schema: Schema;
  fallback: unknown;
}

/** Every value that has a default, in the schema's order. A map or a list that Kubernetes defines is one value. */
export function valuesOf(node: Schema, defaults: unknown, prefix = ""): Value[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    const fallback = (defaults as Record<string, unknown>)[name];
    if (fallback === undefined) return [];
    const path = `${prefix}${name}`;
    return isSection(property, fallback)
      ? valuesOf(property, fallback, `${path}.`)
      : [{ path, schema: property, fallback }];
  });
}

/** The chart's own objects have a default for each property; of Kubernetes' own ones few properties are set. */
function isSection({ properties }: Schema, fallback: unknown): boolean {
  const names = Object.keys(properties ?? {});
  return names.length > 0 && names.every((name) => name in (fallback as object));
}

export const defaultValues: unknown = parse(readFileSync(join(chart, "values.yaml"), "utf8"));

export function valuesTable(): string {
  const rows: string[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const values = valuesOf({ properties: { [name]: property } }, defaultValues);
    if (values.some(({ path }) => path !== name)) rows.push(`| **${name}** | | | ${text(property.description)} |`);
    rows.push(...values.map(rowOf));
  }
  return ["| value | default | allowed | what it is for |", "|---|---|---|---|", ...rows].join("\n");
}

function rowOf({ path, schema: property, fallback }: Value): string {
  return `| \`${path}\` | ${defaultOf(fallback)} | ${text(allowed(property))} | ${text(descriptionOf(property))} |`;
}

export function descriptionOf(property: Schema): string {
  return property.description ?? resolve(property).description ?? "";
}

function defaultOf(fallback: unknown): string {
  const isNothing =
    fallback === "" || fallback === null || JSON.stringify(fallback) === "[]" || JSON.stringify(fallback) === "{}";
  if (isNothing) return fallback === null ? "null" : "none";
  return typeof fallback === "object" ? "see values.yaml" : `\`${String(fallback)}\``;
}

function allowed(property: Schema): string {
  const { type, enum: choices, minimum, exclusiveMinimum, maximum, oneOf, items } = resolve(property);
  // A bare `off` is false to YAML: allowed, and not worth a word here.
  if (choices !== undefined)
    return choices
      .filter((choice) => choice !== false)
      .map((choice) => (choice === "" ? "empty" : String(choice)))
      .join(", ");
  if (oneOf !== undefined) return "whole number or percentage";
  if (items !== undefined) return "list";
  const name = [type].flat().find((one) => one !== "null") ?? "";
  const or = [type].flat().includes("null") ? " or null" : "";
  if (name === "boolean") return "true, false";
  if (name === "object") return "map";
  if (name !== "integer" && name !== "number") return `text${or}`;
  const noun = name === "integer" ? "whole number" : "number";
  if (exclusiveMinimum !== undefined) return `${noun} above ${exclusiveMinimum}${or}`;
  if (minimum === undefined) return noun + or;
  return maximum === undefined ? `${noun} from ${minimum}${or}` : `${noun} from ${minimum} to ${maximum}${or}`;
}

/** What a `$ref` stands for. */
function resolve(property: Schema): Schema {
  if (property.$ref === undefined) return property;
  const name = property.$ref.replace("#/$defs/", "");
  const definition = schema.$defs?.[name];
  if (definition === undefined) throw new Error(`values.schema.json refers to ${property.$ref}, which is not there.`);
  return definition;
}

/** One cell of a Markdown table. */
function text(words = ""): string {
  return words.replaceAll("|", "\\|").replaceAll("\n", " ");
}
