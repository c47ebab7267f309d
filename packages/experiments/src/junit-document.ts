/** JUnit XML as CI servers read it: one suite, a case for each thing that was proved or not. */

export interface JunitCase {
  /** By which CI servers group them: "holdfast.kind.E1". */
  readonly group: string;
  readonly name: string;
  readonly seconds: number;
  /** What it says in any case. */
  readonly output: string;
  /** Absent where all is as wanted. A failure shows something wrong, an error shows nothing. */
  readonly trouble?: {
    readonly kind: "failure" | "error";
    /** Such as INVALID. */
    readonly type: string;
    readonly message: string;
    readonly hint?: string;
  };
}

/** The whole file; `seconds` is how long all of it took. */
export function junitDocument(opts: {
  name: string;
  suite: string;
  seconds: number;
  cases: readonly JunitCase[];
}): string {
  const { cases } = opts;
  const count = (kind: "failure" | "error"): number => cases.filter(({ trouble }) => trouble?.kind === kind).length;
  const counts = `tests="${cases.length}" failures="${count("failure")}" errors="${count("error")}" time="${opts.seconds}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${escapeXml(opts.name)}" ${counts}>`,
    `  <testsuite name="${escapeXml(opts.suite)}" ${counts}>`,
    ...cases.flatMap(elementOf),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function elementOf({ group, name, seconds, output, trouble }: JunitCase): string[] {
  return [
    `    <testcase classname="${escapeXml(group)}" name="${escapeXml(name)}" time="${seconds}">`,
    ...(trouble === undefined ? [] : [`      ${troubleElement(trouble)}`]),
    `      <system-out>${escapeXml(output)}</system-out>`,
    "    </testcase>",
  ];
}

function troubleElement({ kind, type, message, hint }: NonNullable<JunitCase["trouble"]>): string {
  const open = `<${kind} type="${escapeXml(type)}" message="${escapeXml(message)}"`;
  return hint === undefined ? `${open}/>` : `${open}>${escapeXml(hint)}</${kind}>`;
}

/** Text as XML holds it, in an attribute too. */
export function escapeXml(text: string): string {
  return (
    text
      // Control characters are no XML at all, not even escaped.
      .replaceAll(/[^\P{Cc}\t\n\r]/gu, "?")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
