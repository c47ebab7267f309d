/** A verdict for people, the same wherever one is printed. Pure. */
import type { Paint, Tone } from "./paint.ts";
import { paragraph } from "./table.ts";
import { count, duration, list } from "./words.ts";

/** What every verdict has, be it of an experiment, of a ledger or of a rollout that was watched. */
export interface VerdictFigures {
  verdict: "PASS" | "FAIL" | "INVALID";
  reason: string;
  hint: string;
  sent: number;
  answered: number;
  degraded: number;
  failed: {
    total: number;
    byFate: Readonly<Partial<Record<string, number>>>;
    byConnection: { new: number; persistent: number };
  };
  seconds: number;
  sentDuringFault: number;
  latency: { p50Ms: number; p99Ms: number; maxMs: number };
}

/** What a verdict looks like at a glance. */
function toneOfVerdict(verdict: VerdictFigures["verdict"]): Tone {
  return ({ PASS: "good", FAIL: "bad", INVALID: "warn" } as const)[verdict];
}

interface VerdictWords {
  paint: Paint;
  width: number;
  title?: string;
  /** Which of them count: "while it happened", where something did. */
  meanwhile?: string;
}

/** The verdict in lines: its sentence, its numbers, and what to do about it. */
export function verdictLines(figures: VerdictFigures, opts: VerdictWords): string[] {
  const { paint, title, width, meanwhile = "while it happened" } = opts;
  const { failed, latency } = figures;
  const fates = Object.entries(failed.byFate).flatMap(([fate, n]) => (n ? [`${count(n)} ${fate}`] : []));
  const rows: [string, number, string][] = [
    [
      "sent",
      figures.sent,
      `in ${duration(figures.seconds * 1_000)}, ${count(figures.sentDuringFault)} of them ${meanwhile}`,
    ],
    [
      "answered",
      figures.answered,
      `p50 ${duration(latency.p50Ms)}, p99 ${duration(latency.p99Ms)}, slowest ${duration(latency.maxMs)}`,
    ],
    ["degraded", figures.degraded, ""],
    ["failed", failed.total, list(fates)],
    ["  new connections", failed.byConnection.new, ""],
    ["  kept-alive", failed.byConnection.persistent, ""],
  ];
  const digits = Math.max(...rows.map(([, value]) => count(value).length));
  return [
    `${paint(toneOfVerdict(figures.verdict), figures.verdict)}${title ? `  ${paint("title", title)}` : ""}`,
    ...paragraph(figures.reason, { width, indent: 2 }),
    ...rows.map(([label, value, remark]) => {
      const tone: Tone =
        label === "sent" || value === 0
          ? "plain"
          : ({ answered: "good" as const, degraded: "warn" as const }[label] ?? "bad");
      return `    ${label.padEnd(17)} ${paint(tone, count(value).padStart(digits))}${remark ? `   ${paint("quiet", remark)}` : ""}`;
    }),
    ...(figures.verdict === "PASS" || !figures.hint ? [] : paragraph(figures.hint, { width, indent: 2 })),
  ];
}
