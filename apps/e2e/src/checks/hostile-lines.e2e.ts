import type { StoredLine } from "@holdfast/cluster";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { check } from "../check.ts";
import { podOf, startClient, type Client, type Sent } from "../client-pod.ts";
import { judgeAllStored } from "../all-stored.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Pod } from "../kubernetes.ts";
import { judgeNumbered } from "../numbered.ts";
import { QUICK, type Room } from "../room.ts";
import { isContent, linesOf } from "../stored.ts";
import { until } from "../until.ts";

const SCRIPT = readFileSync(new URL("../hostile-lines.js", import.meta.url), "utf8");
/** As many as the script writes, 20 before and after each of its 8 hostile ones. */
const NUMBERED = 180;
const MEBIBYTE = 1_048_576;

const STORED_WITHIN_SECONDS = 30;

interface Written {
  readonly pod: string;
  readonly run: string;
}

/** Lets a pod write; its lines outlive it, so those of an earlier run are there too. */
async function write(room: Room, opts: { name: string; annotations?: Record<string, string> }): Promise<Written> {
  const { name, annotations = {} } = opts;
  const run = randomUUID();
  const pod = `${name}-${run.slice(0, 8)}`;
  await room.apply(podOf(room, { name: pod, code: SCRIPT, args: [run], annotations }));
  await room.waitFor<Pod, true>(["pod", pod], {
    until: ([found]) => (found?.status.phase === "Succeeded" ? true : undefined),
    withinSeconds: 60,
    otherwise: ([found]) => new TooLittle(`The pod that writes is ${found?.status.phase ?? "not there"} after 60 s.`),
  });
  return { pod, run };
}

/** Whether each line that is none of the hostile ones is stored. @throws Broken */
async function judge(
  room: Room,
  { written, withinSeconds }: { written: Written; withinSeconds: number },
): Promise<string> {
  const judged = (lines: readonly StoredLine[]) =>
    judgeNumbered(
      lines.filter(({ message }) => message === "numbered").map(({ seq }) => seq ?? 0),
      NUMBERED,
    );
  const lines = await until(() => linesOf(room, `_time:30m run:="${written.run}" _msg:="numbered"`), {
    holds: (found) => isContent(() => judged(found)),
    withinSeconds,
    signal: room.signal,
  });
  return judged(lines);
}

/** What became of the hostile lines themselves: nothing may vanish without a word. */
async function judgeHostile(room: Room, { pod }: Written): Promise<string> {
  const lines = await linesOf(room, `_time:30m "k8s.pod.name":="${pod}" !_msg:="numbered"`);
  const pieces = lines.filter(({ message }) => message.startsWith("BBB")).length;
  for (const [row, what] of [
    [/B{100,}/, "line"],
    [/C{100,}/, "JSON line"],
  ] as const) {
    const bytes = lines.reduce((sum, { message }) => sum + (row.exec(message)?.[0].length ?? 0), 0);
    if (bytes !== MEBIBYTE) throw new Broken(`Of the ${what} of 1 MiB ${bytes} bytes are stored.`);
  }
  const said = (about: RegExp) => lines.some(({ message }) => about.test(message));
  for (const about of [/^no UTF-8 \ufffd/, /never closed$/, /^first\nsecond$/]) {
    if (!said(about)) throw new Broken(`No stored line is like ${about.source}.`);
  }
  const kept = ["wide", "nested"].filter((name) => said(new RegExp(`"msg":"${name}"|^${name}$`)));
  const refused =
    kept.length === 2 ? "" : `, and of one that it refused VictoriaLogs says "${await refusalOf(room, pod)}"`;
  return `a line of 1 MiB is stored in ${pieces} pieces and one of JSON in full, broken UTF-8 and half a JSON document as far as they can be read, ${kept.length} of 2 with 3 000 fields as they are${refused}`;
}

/** @throws Broken where the line is neither stored nor is anything said of it */
async function refusalOf(room: Room, pod: string): Promise<string> {
  const { signal } = room;
  // VictoriaLogs cuts a long line in its middle, and begins with where it is from.
  const refusal = (log: string) =>
    log.split("\n").find((line) => line.includes("dropping log line") && line.includes(`"${pod}"`));
  const log = await until(
    () => room.cluster.kubectl.run(["logs", "-n", "monitoring", "statefulset/victoria-logs", "--since=5m"], { signal }),
    { holds: (text) => refusal(text) !== undefined, withinSeconds: 10, signal },
  );
  const sentence = refusal(log);
  if (sentence === undefined)
    throw new Broken("A line with 3 000 fields is not stored, and VictoriaLogs does not say that it refused it.");
  return /dropping log line[^;]*(;[^;{]*)?/.exec(sentence)?.[0].replace(/;?\s*$/, "") ?? sentence.slice(0, 200);
}

/** What a client may put into a request that ends in a log line. A newline cannot stand in a header, but in an address. */
const HOSTILE_REQUESTS = [
  { path: "/api/products/%FF%FE%C3%28", headers: {} },
  { path: "/api/products/one%0A%7B%22level%22%3A%22error%22%2C%22msg%22%3A%22forged%22%7D", headers: {} },
  // Sent as single bytes, which are no UTF-8.
  { path: "/api/products", headers: { "user-agent": "\u00ff\u00fe\u00c3(" } },
  { path: "/api/products", headers: { "user-agent": "A".repeat(8000) } },
];

/** Each hostile request is answered and has one line; none of them made another one. @throws Broken */
async function judgeRequests(room: Room, client: Client): Promise<string> {
  const sent: Sent[] = [];
  for (const { path, headers } of HOSTILE_REQUESTS) {
    sent.push(
      ...(await client.send({ url: `http://catalogue${path}`, count: 1, perSecond: 1, sampled: false, headers })),
    );
  }
  const dead = sent.find(({ status }) => status === 0 || status >= 500);
  if (dead) throw new Broken(`A hostile request was answered ${dead.status || dead.error}.`);
  const lines = await until(() => linesOf(room, '_time:10m "service.name":="catalogue" _msg:="request"'), {
    holds: (found) => isContent(() => judgeAllStored(sent, found)),
    withinSeconds: STORED_WITHIN_SECONDS,
    signal: room.signal,
  });
  const stored = judgeAllStored(sent, lines);
  if ((await linesOf(room, '_time:10m _msg:="forged"')).length > 0)
    throw new Broken("A newline in an address made a line of its own.");
  return `hostile requests were answered ${[...new Set(sent.map(({ status }) => status))].join(" or ")}, and ${stored}`;
}

check("hostile-lines", {
  sideBySide: true,

  async claim(room) {
    await room.install({ release: "catalogue", values: { ...QUICK, replicas: 1 } });
    const client = await startClient(room);
    const requests = await judgeRequests(room, client);
    const written = await write(room, { name: "writes" });
    const numbered = await judge(room, { written, withinSeconds: STORED_WITHIN_SECONDS });
    return `${numbered} among hostile ones; ${await judgeHostile(room, written)}; ${requests}.`;
  },

  async control(room) {
    const written = await write(room, { name: "unshipped", annotations: { "holdfast/log-shipping": "none" } });
    const numbered = await mustBreak(/^180 of 180 lines are not stored/, () =>
      judge(room, { written, withinSeconds: 10 }),
    );
    const hostile = await mustBreak(/^Of the line of 1 MiB 0 bytes/, () => judgeHostile(room, written));
    return `${numbered} ${hostile}`;
  },
});
