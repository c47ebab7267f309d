import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { startDeadline } from "./deadline.ts";
import { get } from "./http-upstream.fixture.ts";
import { createUpstream } from "./upstream.ts";

const ATTEMPT_TIMEOUT_MS = 400;

/** What the upstream's thread tells while this one is stuck: how many requests it got, how many it has answered. */
interface Seen {
  url: string;
  requests: () => number;
  answers: () => number;
}

async function startUpstreamThread(): Promise<Seen> {
  const counts = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
     const server = require("node:http").createServer((req, res) => {
       Atomics.add(workerData, 0, 1);
       setTimeout(() => res.end("7", () => Atomics.add(workerData, 1, 1)), 50);
     });
     server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`,
    { eval: true, workerData: counts },
  );
  onTestFinished(async () => void (await worker.terminate()));
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => Atomics.load(counts, 0),
    answers: () => Atomics.load(counts, 1),
  };
}

/** Blocks the event loop until the answer waits in the socket, and for longer than an attempt may take. */
async function stall(seen: Seen): Promise<void> {
  while (seen.requests() === 0) await delay(1);
  // As a busy request handler does: outside the timers phase, so that timers come before sockets afterwards.
  await nextTurn();
  const endsAtMs = performance.now() + 2 * ATTEMPT_TIMEOUT_MS;
  while (performance.now() < endsAtMs || seen.answers() === 0);
}

test("our own stall is not the upstream's failure: an answer that is there counts, though its timer is over", async () => {
  const seen = await startUpstreamThread();
  const upstream = createUpstream({
    name: "stock",
    attemptTimeoutMs: ATTEMPT_TIMEOUT_MS,
    retry: { maxAttempts: 1, budgetRatio: 0.2, baseDelayMs: 1, maxDelayMs: 1 },
    breaker: { failures: 1, openMs: 60_000 },
  });
  const calling = upstream.call(get(seen.url), { deadline: startDeadline(10_000) });
  const [answer] = await Promise.all([calling, stall(seen)]);
  expect(answer).toBe("7");
  expect(upstream.state).toBe("closed");
});

test("control: a plain timeout throws the waiting answer away", async () => {
  const seen = await startUpstreamThread();
  const fetching = fetch(seen.url, { signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS) });
  const [outcome] = await Promise.all([fetching.then(String, (error: Error) => error.name), stall(seen)]);
  expect(outcome).toBe("TimeoutError");
});
