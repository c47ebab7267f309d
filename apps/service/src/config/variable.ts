/** Headings of the table that `--help` and the README print, in this order. */
export const groups = ["Service", "Network", "Shutdown", "Overload", "Upstream", "Telemetry", "Faults"] as const;
type Group = (typeof groups)[number];

/** What a person is told about a variable, by `--help`, by the README and when its value is wrong. */
export interface VariableNote {
  group: Group;
  about: string;
  allowed: string;
  /** What holds when the variable is absent or empty, in words for the table. */
  fallback: string;
  /** Its value never appears in a message. */
  secret: boolean;
}

/**
 * One variable: what is said of it, and how its text becomes the value that the program uses. No schema of zod, although
 * requests have those: a text and a value are all there is here, and fifty schemas take 3 ms of every start.
 */
export interface Variable<T> {
  readonly note: VariableNote;
  /** Returns `undefined` when the text is not allowed; `undefined` as a text is a variable that is not set. */
  read(text: string | undefined): { readonly value: T } | undefined;
}

interface Text<T> {
  group: Group;
  about: string;
  fallback: T;
  /** How the table names the fallback when its value says nothing to a reader. */
  fallbackText?: string;
  secret?: boolean;
}

/** Reads the text, or returns `undefined` when it is not allowed. */
type Reader<T> = (text: string) => T | undefined;

function variable<T>(opts: Text<T> & { allowed: string }, read: Reader<T>): Variable<T> {
  const fallback = opts.fallbackText ?? (opts.fallback === undefined ? "none" : String(opts.fallback));
  return {
    note: { group: opts.group, about: opts.about, allowed: opts.allowed, fallback, secret: opts.secret ?? false },
    read(text) {
      // An empty string is how a chart or a shell says "not set".
      if (text === undefined || text.trim() === "") return { value: opts.fallback };
      const value = read(text.trim());
      return value === undefined ? undefined : { value };
    },
  };
}

interface Bounds {
  from: number;
  to: number;
}

/** Digits with an optional fraction: no sign, exponent or hexadecimal, which are typing errors here. */
const decimal = /^\d{1,15}(\.\d{1,6})?$/;

function bounded({ from, to }: Bounds, pattern: RegExp): Reader<number> {
  return function readNumber(text) {
    if (!pattern.test(text)) return undefined;
    const value = Number(text);
    return value >= from && value <= to ? value : undefined;
  };
}

/** A whole number, bounds included. */
export function whole(opts: Text<number> & Bounds & { unit?: string }): Variable<number> {
  const unit = opts.unit === undefined ? "" : ` of ${opts.unit}`;
  return variable(
    { ...opts, allowed: `a whole number${unit} from ${opts.from} to ${opts.to}` },
    bounded(opts, /^\d{1,15}$/),
  );
}

/** Seconds, fractions allowed, bounds included. */
export function seconds(opts: Text<number> & Bounds): Variable<number> {
  return variable({ ...opts, allowed: `seconds from ${opts.from} to ${opts.to}` }, bounded(opts, decimal));
}

/** A share of something, 0..1 unless narrower. */
export function ratio(opts: Text<number> & Partial<Bounds>): Variable<number> {
  const range = { from: opts.from ?? 0, to: opts.to ?? 1 };
  return variable({ ...opts, allowed: `a number from ${range.from} to ${range.to}` }, bounded(range, decimal));
}

export function flag(opts: Text<boolean>): Variable<boolean> {
  return variable({ ...opts, allowed: "true or false" }, (text) =>
    text === "true" ? true : text === "false" ? false : undefined,
  );
}

export function choice<const T extends string>(opts: Text<T> & { of: readonly T[] }): Variable<T> {
  return variable({ ...opts, allowed: `one of ${opts.of.join(", ")}` }, (text) =>
    opts.of.find((value) => value === text),
  );
}

/** Text that must match a pattern as a whole; `allowed` says the pattern in words. */
export function text<T extends string | undefined>(
  opts: Text<T> & { pattern: RegExp; allowed: string },
): Variable<string | T> {
  return variable<string | T>(opts, (value) => (opts.pattern.test(value) ? value : undefined));
}

/** An http or https URL without query and fragment, returned without a slash at its end. */
export function httpUrl(opts: Omit<Text<undefined>, "fallback">): Variable<string | undefined> {
  const allowed = "an absolute http:// or https:// URL without query or fragment";
  return variable<string | undefined>({ ...opts, fallback: undefined, allowed }, function readUrl(value) {
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    const plain = url.search === "" && url.hash === "" && (url.protocol === "http:" || url.protocol === "https:");
    return plain ? url.href.replace(/\/+$/, "") : undefined;
  });
}

/** `key=value,key=value`, values percent-decoded as the OpenTelemetry specification asks. */
export function pairs(opts: Omit<Text<Record<string, string>>, "fallback">): Variable<Record<string, string>> {
  const allowed = "key=value pairs with commas between them";
  return variable<Record<string, string>>(
    { ...opts, fallback: {}, fallbackText: "none", allowed },
    function readPairs(value) {
      const entries: [string, string][] = [];
      for (const pair of value.split(",")) {
        const match = /^\s*([\w.\-/]{1,255})\s*=\s*(.*?)\s*$/.exec(pair);
        if (match?.[1] === undefined || match[2] === undefined) return undefined;
        try {
          entries.push([match[1], decodeURIComponent(match[2])]);
        } catch {
          return undefined;
        }
      }
      return Object.fromEntries(entries);
    },
  );
}
