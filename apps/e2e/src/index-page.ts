/** out/e2e/index.html: what was proved in one run, as one file without a script. Pure. */
import { escapeText as text } from "@holdfast/experiments";
import { readFileSync } from "node:fs";
import { isGood, type Outcome, type OutcomeControl, type RunRecord, type Word } from "./result.ts";
import { duration, grouped } from "./words.ts";

const STYLE = readFileSync(new URL("index-page.css", import.meta.url), "utf8");

export function indexPage(run: RunRecord): string {
  const { outcomes, passed, failed } = run;
  const checks = outcomes.filter(({ kind }) => kind === "check");
  const experiments = outcomes.filter(({ kind }) => kind === "experiment");
  const closing = `${passed} passed, ${failed} failed`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${closing} · Holdfast on ${text(run.cluster)}</title>
<style>
${STYLE}</style>
</head>
<body>
<main>
<p class="eyebrow"><b>Holdfast</b><span>cluster ${text(run.cluster)}</span><time datetime="${text(run.startedAt)}">${text(run.startedAt.slice(0, 16).replace("T", " "))} UTC</time><span>commit ${text(run.commit)}</span>${versions(run)}</p>
<h1 class="${failed === 0 && passed > 0 ? "pass" : "fail"}">${closing}<small> in ${duration(run.seconds)}</small></h1>
<p class="quiet">Every claim and every control counts as one. A control takes the protection away: it must be called wrong by the same judgement, or the claim shows nothing.</p>
${section("Experiments, under load", experiments, { figures: true })}
${section("Plain checks", checks, { figures: false })}
<footer><p>The same as data: <a href="e2e.json">e2e.json</a>, <a href="junit.xml">junit.xml</a>, and one JSON file for each line of the tables.</p></footer>
</main>
</body>
</html>
`;
}

function versions({ versions, machine }: RunRecord): string {
  const spans = Object.entries(versions).map(([name, version]) => `<span>${text(name)} ${text(version)}</span>`);
  return `${spans.join("")}<span>${machine.cores} cores, ${machine.memoryGiB} GiB</span>`;
}

function section(title: string, outcomes: readonly Outcome[], { figures }: { figures: boolean }): string {
  if (outcomes.length === 0) return "";
  const head = `<th>Id</th><th>Verdict</th><th>Claim and finding</th>${figures ? '<th class="n">Sent</th><th class="n">Failed</th>' : ""}<th class="n">Took</th><th>Look</th>`;
  return `<section class="card">
<h2>${text(title)}</h2>
<div class="scroll"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${outcomes.flatMap((outcome) => [row(outcome, figures), ...outcome.controls.map((control) => controlRow(control, figures))]).join("\n")}
</tbody>
</table></div>
</section>`;
}

function row(outcome: Outcome, figures: boolean): string {
  const { id, title, claims, verdict, reason, again, seconds, sent, failed, files } = outcome;
  const numbers = figures ? `<td class="n">${number(sent)}</td><td class="n">${number(failed)}</td>` : "";
  const links = Object.entries(files).map(([name, file]) => link(file, name));
  return `<tr class="item${isGood(outcome) ? "" : " bad"}"><th scope="row">${text(id)}</th><td>${word(verdict)}</td><td><b>${text(title)}</b><br>${code(claims)}<br><span class="quiet">${code(reason)}</span>${attempt(again)}</td>${numbers}<td class="n">${seconds > 0 ? duration(seconds) : "-"}</td><td class="links">${links.join(" ")}</td></tr>`;
}

function controlRow(control: OutcomeControl, figures: boolean): string {
  const { name, verdict, reason, again, asPredicted, failed, page } = control;
  const numbers = figures ? `<td class="n"></td><td class="n">${number(failed)}</td>` : "";
  const tag = asPredicted ? '<span class="ok">as predicted</span>' : '<span class="no">not as predicted</span>';
  return `<tr class="control"><td></td><td>${word(verdict)}<br>${tag}</td><td>Control: ${code(name)}<br><span class="quiet">${code(reason)}</span>${attempt(again)}</td>${numbers}<td></td><td class="links">${page === undefined ? "" : link(page, "page")}</td></tr>`;
}

function attempt(again: string | undefined): string {
  return again === undefined ? "" : `<br><span class="again">${code(again)}</span>`;
}

function word(verdict: Word): string {
  return `<span class="word ${verdict.toLowerCase().replace(" ", "-")}">${verdict}</span>`;
}

function number(value: number | undefined): string {
  return value === undefined ? "-" : grouped(value);
}

function link(file: string, name: string): string {
  return `<a href="${encodeURI(file)}">${text(name)}</a>`;
}

/** Text in which `backticks` are code. */
function code(sentence: string): string {
  return text(sentence).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
