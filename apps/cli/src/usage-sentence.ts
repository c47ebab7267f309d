import type { Command, CommanderError } from "commander";

/** What is wrong with a command line and what to do about it, out of commander's "error: ...\n(Did you mean ...?)". */
export function usageSentence(error: Pick<CommanderError, "message">, command: Command): string {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /^\(Did you mean (.*)\?\)$/.exec(rest.join(" ").trim())?.[1];
  const called = command.parent ? `./holdfast ${command.name()}` : "./holdfast";
  const what = `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/\.$/, "")}`;
  const next = suggestion ? `Did you mean ${suggestion}?` : `\`${called} --help\` shows what there is.`;
  return `${what}. ${next}`;
}
