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

/** Where experiments run: processes on this machine, or a cluster. */
export function targetOption(what: string): Option {
  return new Option("--target <target>", what).choices(["fleet", "kind"]);
}

/** Which cluster is meant. No default here: HOLDFAST_CLUSTER stands between the flag and the usual name. */
export function clusterNameOption(what: string): Option {
  return new Option("--name <name>", `${what} (default: HOLDFAST_CLUSTER, or holdfast)`);
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

const SECONDS_OF = { s: 1, m: 60, h: 3_600 } as const;

/** An option's value as a time within bounds of seconds: "60s", "2m", "90". */
export function timeInSeconds(opts: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const [, digits, unit = "s"] = /^(\d+(?:\.\d+)?)\s*([smh])?$/.exec(text) ?? [];
    const value = digits === undefined ? Number.NaN : Number(digits) * SECONDS_OF[unit as keyof typeof SECONDS_OF];
    return within(value, { ...opts, kind: 'a time such as "60s" or "2m", in seconds' });
  };
}

function within(value: number, opts: { min: number; max: number; unit?: string; kind: string }): number {
  if (value >= opts.min && value <= opts.max) return value;
  throw new InvalidArgumentError(
    `It takes ${opts.kind} ${opts.unit ? `of ${opts.unit} ` : ""}from ${opts.min} to ${opts.max}.`,
  );
}
