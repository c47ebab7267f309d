import { variableNames } from "./config.ts";
import { groups, type VariableNote } from "./variable.ts";
import { variables, type VariableName } from "./variables.ts";

/** What `--help` prints. */
export function helpText(): string {
  const lines = [
    "A service that is configured by its environment. An empty variable counts as absent.",
    "",
    "Usage: [NAME=value ...] node service.cjs [--help | --version]",
  ];
  for (const { group, rows } of sections()) {
    lines.push("", group);
    for (const { name, note } of rows) {
      lines.push(`  ${name}`, `      ${note.about}`, `      ${upperFirst(note.allowed)}. Default: ${note.fallback}`);
    }
  }
  lines.push(
    "",
    "Exit codes: 0 stopped when asked, 1 ended by an error, 2 wrong configuration, 4 could not start (a port is taken).",
  );
  return lines.join("\n");
}

/** The table of the README, as Markdown. */
export function variablesTable(): string {
  const lines = ["| variable | default | allowed | what it is for |", "|---|---|---|---|"];
  for (const { group, rows } of sections()) {
    lines.push(`| **${group}** | | | |`);
    for (const { name, note } of rows) {
      lines.push(`| \`${name}\` | ${cell(note.fallback)} | ${cell(note.allowed)} | ${cell(note.about)} |`);
    }
  }
  return lines.join("\n");
}

function sections(): { group: string; rows: { name: VariableName; note: VariableNote }[] }[] {
  return groups.map((group) => ({
    group,
    rows: variableNames.flatMap((name) => {
      const { note } = variables[name];
      return note.group === group ? [{ name, note }] : [];
    }),
  }));
}

function upperFirst(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function cell(content: string): string {
  return content.replaceAll("|", "\\|");
}
