/**
 * The page of a run: one file that needs nothing else and asks nobody. Everything that it says is there without its
 * script; the script only draws.
 */
import { isFailed, type Ledger, type RequestRecord } from "@holdfast/load";
import { readFileSync } from "node:fs";
import type { Experiment } from "../experiment.ts";
import { attemptWords, type ControlFigures, type RunResult } from "../result.ts";
import { describeChange } from "../system.ts";
import { pageData, type PageData } from "./data.ts";
import { embeddedJson, html, raw, type Html } from "./html.ts";

/** More rows than this are in the ledger. */
const MAX_FAILURE_ROWS = 200;

/** What the page is made of, each read once. */
const parts = {
  plotStyle: read(import.meta.resolve("uplot/dist/uPlot.min.css")),
  plotScript: read(import.meta.resolve("uplot/dist/uPlot.iife.min.js")),
  style: read(import.meta.resolve("./page.css")),
  script: read(import.meta.resolve("./client.js")),
};

export interface PageOptions {
  readonly experiment: Pick<Experiment, "look" | "hints" | "solution" | "watch">;
  readonly result: RunResult;
  readonly ledger: Ledger;
}

/** The one self-contained page of a run. */
export function htmlPage({ experiment, result, ledger }: PageOptions): string {
  const data = pageData(ledger, { windows: result.windows, ...(experiment.watch ? { watch: experiment.watch } : {}) });
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        />
        <title>${result.verdict} · ${titleOf(result)}</title>
        <style>
          ${raw(parts.plotStyle)}
        </style>
        <style>
          ${raw(parts.style)}
        </style>
      </head>
      <body>
        <main>
          ${header(result)} ${verdictCard(result)} ${figures(result)}
          <section class="card timeline" aria-labelledby="timeline">
            <div class="head">
              <h2 id="timeline">What happened</h2>
              <button id="reset" type="button" hidden>Show all of it</button>
            </div>
            <p id="readout" class="readout">Point at a moment to read it; drag across some seconds to look closer.</p>
            <div id="plots"></div>
            ${legend(result, data)}
          </section>
          <section class="card" aria-labelledby="words">
            <h2 id="words">The same in words</h2>
            ${inWords(result, data)}
          </section>
          <div class="two">
            <section class="card" aria-labelledby="claim">
              <h2 id="claim">Hypothesis</h2>
              <p>${result.hypothesis}</p>
              <h2>It passes with</h2>
              <p>${capital(result.rule)}.</p>
            </section>
            <section class="card" aria-labelledby="look">
              <h2 id="look">What to look at</h2>
              <ul class="plain">
                ${experiment.look.map((line) => html`<li>${capital(line)}.</li>`)}
              </ul>
              <details>
                <summary>Hints</summary>
                <ol class="plain">
                  ${experiment.hints.map((line) => html`<li>${line}</li>`)}
                </ol>
              </details>
              <details>
                <summary>Solution</summary>
                <p>${experiment.solution}</p>
              </details>
            </section>
          </div>
          ${controlsCard(result)} ${deadlinesCard(result)} ${failuresCard(ledger)} ${rollbackCard(result)}
          ${footer(result)}
        </main>
        <script id="data" type="application/json">
          ${embeddedJson(data)}
        </script>
        <script>
          ${raw(parts.plotScript)};
        </script>
        <script>
          ${raw(parts.script)};
        </script>
      </body>
    </html> `;
  return page.html;
}

function header(result: RunResult): Html {
  return html`<p class="eyebrow">
      <b>Holdfast</b><span>on ${result.target}</span
      ><time datetime="${result.startedAt}">${result.startedAt.slice(0, 16).replace("T", " ")} UTC</time
      >${Object.entries(result.versions).map(([name, version]) => html`<span>${name} ${version}</span>`)}
    </p>
    <h1>
      <span class="id">${result.id}</span>
      ${result.title}${result.ran ? html` <span class="id">· control ${result.ran.name}</span>` : ""}
    </h1>`;
}

function verdictCard({ verdict, reason, hint, ran, earlier = [] }: RunResult): Html {
  const again = attemptWords({ earlier });
  const tag =
    ran &&
    (ran.asPredicted
      ? html` <span class="tag">as predicted</span>`
      : html` <span class="tag bad">not as predicted</span>`);
  return html`<section class="card verdict ${verdict.toLowerCase()}" aria-label="Verdict">
    <span class="word">${verdict}</span>
    <p class="sentence">${reason}${tag}</p>
    ${ran && html`<p class="aside">This is a control: one value is different, <code>${describeChange(ran.change)}</code>, and it must fail, since ${ran.because}.</p>`}
    ${hint !== "" && html`<p class="aside">${hint}</p>`} ${again !== undefined && html`<p class="aside">${again}</p>`}
  </section>`;
}

function figures(result: RunResult): Html {
  const { failed, latency } = result;
  const allowed = failed.allowed > 0 ? html`of ${failed.allowed} allowed; ` : "";
  return html`<dl class="card figures">
    <div class="${failed.total > failed.allowed ? "bad" : ""}">
      <dt>Failed</dt>
      <dd>
        ${number(failed.total)}<small
          >${allowed}${failed.byConnection.new} new, ${failed.byConnection.persistent} persistent</small
        >
      </dd>
    </div>
    <div>
      <dt>Degraded</dt>
      <dd>${number(result.degraded)}<small>answered, and said so</small></dd>
    </div>
    <div>
      <dt>Answered</dt>
      <dd>${number(result.answered)}<small>in full</small></dd>
    </div>
    <div>
      <dt>Sent</dt>
      <dd>${number(result.sent)}<small>in ${seconds(result.seconds)}</small></dd>
    </div>
    <div>
      <dt>Due while it worked</dt>
      <dd>${number(result.sentDuringFault)}<small>in ${seconds(result.faultSeconds)} of fault</small></dd>
    </div>
    <div>
      <dt>Median time</dt>
      <dd>${ms(latency.p50Ms)}<small>p99 ${ms(latency.p99Ms)}, slowest ${ms(latency.maxMs)}</small></dd>
    </div>
  </dl>`;
}

function legend(result: RunResult, data: PageData): Html {
  const counts: Record<string, number> = {
    answered: result.answered,
    degraded: result.degraded,
    ...result.failed.byFate,
  };
  const states = [...new Set(data.lanes.flatMap(({ bands }) => bands.map(({ state }) => state)))].filter(
    (state) => state !== "gone",
  );
  return html`<ul class="legend" aria-label="Fates">
      ${data.fates.map((fate) => html`<li class="dot"><i style="--c:var(--${fate})"></i>${fate} ${number(counts[fate] ?? 0)}</li>`)}
    </ul>
    <ul class="legend" aria-label="States">
      ${states.map((state) => html`<li><i style="--c:var(--${state})"></i>${state.replace("_", " ")}</li>`)}
      <li><i style="--c:var(--shade)"></i>the fault works</li>
    </ul>`;
}

/** The picture for whoever does not see it: each thing that was done, and what became of the requests meanwhile. */
function inWords(result: RunResult, data: PageData): Html {
  const rows = data.spans.map((span) => {
    const inside = tally(data, span);
    return html`<tr>
      <th scope="row">${span.name}</th>
      <td class="n">${seconds(span.from)}</td>
      <td class="n">${seconds(span.to)}</td>
      <td class="n">${number(inside.due)}</td>
      <td class="n">${number(inside.degraded)}</td>
      <td class="n">${number(inside.failed)}</td>
      <td>${inside.fates}</td>
    </tr>`;
  });
  return html`<p>
      ${number(result.sent)} requests were due in ${seconds(result.seconds)}, ${number(result.baseline.sent)} of them in
      the ${seconds(result.baseline.seconds)} before anything was done. ${number(result.answered)} were answered in
      full, ${number(result.degraded)} degraded, ${number(result.failed.total)} failed
      (${result.failed.byConnection.new} over new connections, ${result.failed.byConnection.persistent} over kept-alive
      ones). ${number(result.persistentSockets)} persistent sockets had been opened before.
    </p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>While</th>
            <th class="n">from</th>
            <th class="n">to</th>
            <th class="n">due</th>
            <th class="n">degraded</th>
            <th class="n">failed</th>
            <th>how</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
}

function tally({ requests, fates }: PageData, span: { from: number; to: number }) {
  const counts = new Map<string, number>();
  let due = 0;
  for (const [index, at] of requests.due.entries()) {
    if (at < span.from || at >= span.to) continue;
    due += 1;
    const fate = fates[requests.fate[index] ?? -1] ?? "";
    counts.set(fate, (counts.get(fate) ?? 0) + 1);
  }
  const failed = [...counts].filter(([fate]) => fate !== "answered" && fate !== "degraded");
  return {
    due,
    degraded: counts.get("degraded") ?? 0,
    failed: failed.reduce((sum, [, count]) => sum + count, 0),
    fates: failed.map(([fate, count]) => `${count} ${fate}`).join(", "),
  };
}

function controlsCard({ controls = [], files }: RunResult): Html | undefined {
  if (controls.length === 0) return undefined;
  const row = (control: ControlFigures) =>
    html`<tr>
      <th scope="row">
        <a href="${files.page.replace(/\.html$/, `.control-${control.name}.html`)}">${control.name}</a>
      </th>
      <td><code>${describeChange(control.change)}</code></td>
      <td class="${control.asPredicted ? "ok" : "no"}">
        ${control.verdict}${control.asPredicted ? ", as predicted" : ""}
      </td>
      <td class="n">${number(control.failed.total)}</td>
      <td>${[control.reason, attemptWords(control)].filter(Boolean).join(" ")}</td>
    </tr>`;
  return html`<section class="card" aria-labelledby="controls">
    <h2 id="controls">Controls: the same with one value different, which must fail</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Control</th>
            <th>Changed</th>
            <th>Verdict</th>
            <th class="n">Failed</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          ${controls.map(row)}
        </tbody>
      </table>
    </div>
  </section>`;
}

function deadlinesCard({ deadlines }: RunResult): Html | undefined {
  // The lab's own two are about the run, not about the system.
  const own = deadlines.filter(({ name }) => name !== "method" && name !== "rollback");
  if (own.length === 0) return undefined;
  return html`<section class="card" aria-labelledby="deadlines">
    <h2 id="deadlines">In time</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>What</th>
            <th>Who</th>
            <th class="n">Took</th>
            <th class="n">At most</th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${own.map(
            ({ name, subject, tookMs, withinMs, met }) =>
              html`<tr>
                <th scope="row">${name}</th>
                <td>${subject ?? ""}</td>
                <td class="n">${tookMs === undefined ? "never" : ms(tookMs)}</td>
                <td class="n">${ms(withinMs)}</td>
                <td class="${met ? "ok" : "no"}">${met ? "in time" : "too late"}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function failuresCard(ledger: Ledger): Html | undefined {
  const originMs = ledger.requests[0]?.scheduledMs ?? 0;
  const failures = ledger.requests.filter(({ fate }) => isFailed(fate));
  if (failures.length === 0) return undefined;
  const row = (request: RequestRecord) =>
    html`<tr>
      <td class="n">${((request.scheduledMs - originMs) / 1000).toFixed(3)}</td>
      <td>${request.request}</td>
      <td>${request.connection}</td>
      <td>${request.fate}${request.status === undefined ? "" : ` ${request.status}`}</td>
      <td class="n">${ms(request.endMs - request.scheduledMs)}</td>
      <td class="mono">${request.error ?? ""}</td>
      <td class="mono">${request.traceId}</td>
    </tr>`;
  const shown = failures.slice(0, MAX_FAILURE_ROWS);
  return html`<section class="card">
    <details>
      <summary>
        Every failed request${failures.length > shown.length ? `: the first ${shown.length} of ${failures.length}` : ""}
      </summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="n">due, s</th>
              <th>request</th>
              <th>connection</th>
              <th>fate</th>
              <th class="n">after</th>
              <th>error</th>
              <th>trace id, as in the logs</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map(row)}
          </tbody>
        </table>
      </div>
    </details>
  </section>`;
}

function rollbackCard({ rollback }: RunResult): Html {
  return html`<section class="card" aria-labelledby="rollback">
    <h2 id="rollback">Rollback, in ${seconds(rollback.seconds)}</h2>
    <p class="${rollback.verified ? "ok" : "no"}">${capital(rollback.reason)}.</p>
    <ul class="plain">
      ${rollback.checks.map(({ name, ok, found }) => html`<li>${name}: <span class="${ok ? "ok" : "no"}">${found}</span></li>`)}
    </ul>
  </section>`;
}

function footer({ files, scheduleLag }: RunResult): Html {
  return html`<footer>
    <p>
      Every request stands in <a href="${files.ledger}">${files.ledger}</a>; <code>./holdfast verdict</code> with that
      file comes to this verdict again. Each replica's log is in <a href="${files.logs}/">${files.logs}</a>, the figures
      in <a href="${files.result}">${files.result}</a>. The load's own delay was ${ms(scheduleLag.p99Ms)} at p99 and
      ${ms(scheduleLag.maxMs)} at most.
    </p>
  </footer>`;
}

function titleOf({ id, title, ran }: RunResult): string {
  return `${id} ${title}${ran ? `, control ${ran.name}` : ""}`;
}

function number(value: number): string {
  // A thin space, as a comma and a point mean different things to different readers.
  return String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, "\u202F");
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function ms(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function read(url: string): string {
  return scriptSafe(readFileSync(new URL(url), "utf8"));
}

/** Nothing in it may end the element that it stands in. */
function scriptSafe(text: string): string {
  return text.replaceAll(/<\/(script|style)/gi, String.raw`<\/$1`);
}
