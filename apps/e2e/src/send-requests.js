/**
 * Runs in a pod of the cluster (`node --eval`): sends requests at a constant rate, whatever becomes of them, and prints what became
 * of each. Half of them use a new connection each, half a kept-alive one.
 */
const http = require("node:http");
const { randomBytes } = require("node:crypto");

/** Far above what an answer may take, and below what anybody waits. */
const TIMEOUT_MS = 5000;

const plan = JSON.parse(process.argv[1]);
const agents = [new http.Agent({ keepAlive: false }), new http.Agent({ keepAlive: true })];
const startMs = performance.now();

function send(i) {
  const dueMs = startMs + (i * 1000) / plan.perSecond;
  const sentMs = performance.now();
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return new Promise((resolve) => {
    const end = (status, error) =>
      resolve({
        status,
        ms: Math.round(performance.now() - sentMs),
        lateMs: Math.round(sentMs - dueMs),
        kept: agents[i % 2].keepAlive,
        traceId,
        spanId,
        ...(error ? { error } : {}),
      });
    const request = http.request(
      plan.url,
      {
        agent: agents[i % 2],
        timeout: TIMEOUT_MS,
        headers: { ...plan.headers, traceparent: `00-${traceId}-${spanId}-${plan.sampled ? "01" : "00"}` },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => end(answer.statusCode));
        answer.on("error", (error) => end(0, String(error.code ?? error.message)));
      },
    );
    request.on("timeout", () => request.destroy(Object.assign(new Error("timeout"), { code: "timeout" })));
    request.on("error", (error) => end(0, String(error.code ?? error.message)));
    request.end();
  });
}

const sending = Array.from(
  { length: plan.count },
  (_, i) =>
    new Promise((resolve) => {
      setTimeout(() => resolve(send(i)), (i * 1000) / plan.perSecond);
    }),
);
Promise.all(sending).then((all) => {
  process.stdout.write(JSON.stringify(all), () => process.exit(0));
});
