/** The servers that are compared. All give the same answers (servers/routes.cjs) and differ in what they tell of them. */
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export type PeerName = "bare" | "tuned" | "holdfast" | "usual";

export interface Peer {
  name: PeerName;
  title: string;
  file: string;
  /** Arguments for Node itself. */
  execArgv: string[];
  env: Record<string, string>;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const require = createRequire(import.meta.url);

/**
 * The peers; whoever traces sends every tenth trace to the sink by OTLP over HTTP. Ours is bundled into `workDir` first,
 * since that is how it ships: run from its sources it has twice the memory, most of it the SDK's unused modules.
 */
export async function preparePeers(opts: { sinkUrl: string; workDir: string }): Promise<Peer[]> {
  const { sinkUrl, workDir } = opts;
  const bundle = path.join(workDir, "holdfast.cjs");
  await build({
    entryPoints: [here("./servers/holdfast.ts")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    logLevel: "error",
  });
  return [
    { name: "bare", title: "Express 5, nothing else", file: here("./servers/bare.cjs"), execArgv: [], env: {} },
    { name: "tuned", title: "Express 5, tuned by hand", file: here("./servers/tuned.cjs"), execArgv: [], env: {} },
    {
      name: "holdfast",
      title: "Express 5 + @holdfast/telemetry",
      file: bundle,
      // As the service is run: a small young generation costs no throughput and saves a quarter of the memory.
      execArgv: ["--max-semi-space-size=4"],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: sinkUrl, OTEL_TRACES_SAMPLER_ARG: "0.1" },
    },
    {
      name: "usual",
      title: "Express 5 + auto-instrumentation + pino-http + histogram",
      file: here("./servers/usual.cjs"),
      execArgv: ["--require", require.resolve("@opentelemetry/auto-instrumentations-node/register")],
      env: {
        OTEL_SERVICE_NAME: "bench",
        OTEL_EXPORTER_OTLP_ENDPOINT: sinkUrl,
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: "0.1",
        // Its metrics and logs would be a second copy of what prom-client and pino do here.
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
        // Its detectors would ask the metadata services of every cloud, which a benchmark's numbers should not wait for.
        OTEL_NODE_RESOURCE_DETECTORS: "none",
      },
    },
  ];
}
