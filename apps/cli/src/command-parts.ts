/** What several commands have in common. */
import { InvalidArgumentError, Option } from "commander";

export type OutputFormat = "json" | "wide" | "junit";

/** `-o`, as kubectl has it. */
export function outputOption(formats: readonly OutputFormat[]): Option {
  return new Option("-o, --output <format>", "how to print the result").choices(formats);
}

/** Which running `start` is meant. */
export function nameOption(): Option {
  return new Option("--name <name>", "which `start` of this checkout, where several run").default("default");
}

/** The examples at the end of a command's help: a line to type, and what it does where that is not plain. */
export function examples(lines: readonly (readonly [string, string?])[]): string {
  const width = Math.max(...lines.map(([line]) => line.length));
  const rows = lines.map(([line, meaning]) => (meaning ? `  ${line.padEnd(width)}   ${meaning}` : `  ${line}`));
  return `\nExamples:\n${rows.join("\n")}`;
}

/** An option's value as a whole number within bounds. */
export function wholeNumber(opts: { min: number; max: number; unit?: string }): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return within(value, { ...opts, kind: "a whole number" });
  };
}

/** An option's value as a number within bounds. */
export function number(opts: { min: number; max: number; unit?: string }): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return within(value, { ...opts, kind: "a number" });
  };
}

function within(value: number, opts: { min: number; max: number; unit?: string; kind: string }): number {
  if (value >= opts.min && value <= opts.max) return value;
  throw new InvalidArgumentError(
    `It takes ${opts.kind} ${opts.unit ? `of ${opts.unit} ` : ""}from ${opts.min} to ${opts.max}.`,
  );
}
