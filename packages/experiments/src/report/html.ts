/** HTML by template strings: whatever is put in is escaped, unless it is HTML already. */

export interface Html {
  readonly html: string;
}

type Value = string | number | Html | readonly Html[] | false | undefined;

export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: strings.map((text, index) => `${text}${render(values[index])}`).join("") };
}

/** Text that is HTML, CSS or a script by our own hand. */
export function raw(text: string): Html {
  return { html: text };
}

function render(value: Value): string {
  if (value === undefined || value === false) return "";
  if (typeof value === "string" || typeof value === "number") return escapeText(String(value));
  if ("html" in value) return value.html;
  return value.map((part) => part.html).join("");
}

/** Text as HTML holds it, in an attribute too. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** JSON that cannot end the script element that it stands in. */
export function embeddedJson(data: unknown): Html {
  return raw(JSON.stringify(data).replaceAll("<", String.raw`\u003c`));
}
