/**
 * Start-up of the one bundled file beside unbundled bare Express: from the spawn to the first 200. The service is started
 * with full telemetry, since that is how it is deployed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const bundle = fileURLToPath(new URL("../../service/dist/service.cjs", import.meta.url));
const bare = fileURLToPath(new URL("./servers/bare.cjs", import.meta.url));

export interface StartupOptions {
  rounds: number;
  sinkUrl: string;
}

export interface StartupResult {
  bareMs: number[];
  bundleMs: number[];
}

/** @throws Error when the service has not been built, or exits before it answers. */
export async function measureStartup(opts: StartupOptions): Promise<StartupResult> {
  if (!existsSync(bundle)) throw new Error("The service is not built: `npx turbo run build` builds it.");
  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: opts.sinkUrl, OTEL_TRACES_SAMPLER_ARG: "0.1" };
  const result: StartupResult = { bareMs: [], bundleMs: [] };
  for (let round = 0; round < opts.rounds; round += 1) {
    result.bareMs.push(await firstAnswerMs({ file: bare, path: "/api/products/42", env: {} }));
    result.bundleMs.push(await firstAnswerMs({ file: bundle, path: "/api/products", env: telemetry }));
  }
  return result;
}

interface Candidate {
  file: string;
  path: string;
  env: Record<string, string>;
}

/** How often the first answer is asked for: the error of the figure. */
const POLL_MS = 1;
const GIVE_UP_MS = 15_000;

async function firstAnswerMs({ file, path, env }: Candidate): Promise<number> {
  const port = await freePort();
  const startedMs = performance.now();
  const child = spawn(process.execPath, [file], {
    env: {
      ...process.env,
      // A warmed cache is an artefact of its own, which an image does not have.
      NODE_DISABLE_COMPILE_CACHE: "1",
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      ADMIN_HOST: "127.0.0.1",
      ADMIN_PORT: "0",
      PORT: String(port),
      ...env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    while (performance.now() - startedMs < GIVE_UP_MS && child.exitCode === null) {
      if ((await statusOf(port, path)) === 200) return performance.now() - startedMs;
      await delay(POLL_MS);
    }
    throw new Error(`${file} did not answer with a 200 within ${GIVE_UP_MS} ms (exit code ${child.exitCode}).`);
  } finally {
    if (child.exitCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = http.get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("error", () => resolve(undefined));
  });
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
