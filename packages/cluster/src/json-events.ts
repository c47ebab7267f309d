/**
 * Splits what `kubectl get -w -o json` prints into its JSON documents, as the bytes come in.
 *
 * kubectl writes one watch event a line today and pretty-prints plain objects; both are understood, since a document ends with a line that is
 * a closing brace in the first column, or that opens and closes in one line. Lines that belong to no document (a warning) are left out.
 *
 * @returns a function that takes the next piece of text and gives the documents that it completed
 */
export function createJsonSplitter(): (text: string) => unknown[] {
  let unfinishedLine = "";
  let document: string[] = [];

  return function split(text: string): unknown[] {
    const lines = (unfinishedLine + text).split("\n");
    unfinishedLine = lines.pop() ?? "";
    const documents: unknown[] = [];
    for (const line of lines) {
      const opens = line.startsWith("{");
      if (opens) document = [];
      else if (document.length === 0) continue;
      document.push(line);
      if (line.trimEnd() !== "}" && !(opens && line.trimEnd().endsWith("}"))) continue;
      const parsed = parse(document.join("\n"));
      document = [];
      if (parsed !== undefined) documents.push(parsed);
    }
    return documents;
  };
}

/** A torn document (kubectl was killed in the middle of a line) is no reason to stop watching. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
