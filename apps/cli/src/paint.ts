import { styleText } from "node:util";

/** What a piece of text means; how that looks is decided here and nowhere else. */
export type Tone = "title" | "quiet" | "good" | "warn" | "bad" | "key" | "plain";

/** Dresses text by its meaning. Never changes its width. */
export type Paint = (tone: Tone, text: string) => string;

const STYLES: Record<Exclude<Tone, "plain">, Parameters<typeof styleText>[0]> = {
  title: "bold",
  quiet: "dim",
  good: "green",
  warn: "yellow",
  bad: ["red", "bold"],
  key: ["bold", "cyan"],
};

/** Colours where the stream shows them: a terminal, without NO_COLOR (https://no-color.org), or FORCE_COLOR. */
export function createPaint(stream: NodeJS.WriteStream): Paint {
  return function paint(tone, text) {
    return tone === "plain" || text === "" ? text : styleText(STYLES[tone], text, { stream });
  };
}

/** No colours at all: files, pipes and tests. */
export const unpainted: Paint = (_tone, text) => text;
