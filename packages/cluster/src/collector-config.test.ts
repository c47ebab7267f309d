/** What the pipeline's promises hang on, in the collector's own files: a change that breaks one turns red here, before a cluster shows it. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";

const platform = new URL("../../../k8s/platform/", import.meta.url);

interface Config {
  receivers: Record<string, Record<string, unknown>>;
  processors: Record<string, unknown>;
  exporters: Record<string, Record<string, unknown>>;
  extensions: Record<string, Record<string, unknown>>;
  service: { extensions: string[]; pipelines: Record<string, { processors: string[]; exporters: string[] }> };
}

async function read(file: string): Promise<Config> {
  return parse(await readFile(new URL(file, platform), "utf8")) as Config;
}

const agent = await read("log-agent/log-agent.yml");
const gateway = await read("trace-gateway/trace-gateway.yml");

/** Of upstream's k8s distribution of the collector, what we know to be in it and want no more than. */
const distribution = {
  receivers: ["otlp", "file_log"],
  processors: ["memory_limiter", "k8s_attributes", "filter", "transform", "resource"],
  exporters: ["otlp_http", "otlp_grpc", "file", "debug"],
  extensions: ["health_check", "file_storage"],
};

test.each([
  ["log-agent", agent],
  ["trace-gateway", gateway],
])("%s uses components of the k8s distribution, and no batch processor", (_, config) => {
  for (const kind of Object.keys(distribution) as (keyof typeof distribution)[]) {
    const used = Object.keys(config[kind]).map((name) => name.replace(/\/.*/, ""));
    expect(distribution[kind]).toEqual(expect.arrayContaining(used));
  }
});

test("the agent reads from the beginning, rotated files too, and never gives a line up", () => {
  expect(agent.receivers["file_log"]).toMatchObject({
    include: ["/var/log/pods/*/*/*.log", "/var/log/pods/*/*/*.log.????????-??????"],
    // Its own lines, and the load agent's records of its requests: no other pod's.
    exclude: ["/var/log/pods/telemetry_log-agent-*/*/*", "/var/log/pods/holdfast*_load-agent_*/*/*"],
    start_at: "beginning",
    storage: "file_storage",
    retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
  });
});

test("what waits for the store waits on the disk, bounded in bytes, and blocks when there is no room", () => {
  expect(agent.exporters["otlp_http"]).toMatchObject({
    logs_endpoint: "${env:LOGS_ENDPOINT}",
    headers: { "VL-Stream-Fields": "k8s.namespace.name,k8s.pod.name,k8s.container.name" },
    retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
    sending_queue: { storage: "${env:QUEUE_STORAGE}", sizer: "bytes", block_on_overflow: true },
  });
  // 500 lines a second for 10 minutes, at 1 100 bytes: a request's line of our service takes 700, others are longer.
  const queue = agent.exporters["otlp_http"]?.["sending_queue"] as { queue_size: number } | undefined;
  expect(queue?.queue_size).toBeGreaterThanOrEqual(500 * 600 * 1100);
});

test("whatever shipped its lines itself, or wants none stored, is dropped before the queue", () => {
  expect(agent.processors["filter"]).toMatchObject({
    logs: {
      log_record: [
        'resource.attributes["holdfast.log_shipping"] == "none"',
        'log.attributes["log_shipping"] == "sidecar"',
      ],
    },
  });
  const processors = agent.service.pipelines["logs"]?.processors ?? [];
  expect(processors.indexOf("k8s_attributes")).toBeLessThan(processors.indexOf("filter"));
});

test("spans are written within a second, and their files are bounded below the volume's limit", async () => {
  const { flush_interval, rotation } = gateway.exporters["file"] as {
    flush_interval: string;
    rotation: { max_megabytes: number; max_backups: number };
  };
  expect(flush_interval).toBe("1s");
  const deployment = await readFile(new URL("trace-gateway/deployment.yaml", platform), "utf8");
  const limit = Number(/sizeLimit: (\d+)Mi/.exec(deployment)?.[1]);
  expect(rotation.max_megabytes * (rotation.max_backups + 1)).toBeLessThan(limit);
  expect(gateway.service.pipelines["traces"]?.exporters).toBe("${env:TRACE_EXPORTERS}");
});
