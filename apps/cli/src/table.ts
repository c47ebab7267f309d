/** Columns as kubectl prints them: three blanks apart, nothing after the last. Pure. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("   ")
      .trimEnd(),
  );
}

/** A text in lines of at most `width`, each indented by `indent` blanks; a longer word stands alone. */
export function paragraph(text: string, opts: { width: number; indent: number }): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && opts.indent + line.length + 1 + word.length > opts.width) {
      lines.push(line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  if (line) lines.push(line);
  return lines.map((each) => " ".repeat(opts.indent) + each);
}
