import { checks } from "./checks.ts";
import { nearMisses } from "./near-miss.ts";
import { variables, type Environment, type VariableName } from "./variables.ts";

export const variableNames = Object.keys(variables) as VariableName[];

/** The configuration, shaped as those take it who are handed a part of it. */
export type Config = ReturnType<typeof configOf>;

/** Every mistake in the environment, one a line; code `CONFIG_INVALID`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "CONFIG_INVALID";
  readonly exitCode = 2;
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[], hints: readonly string[]) {
    const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
    const lines = [`The configuration has ${count}; --help lists all variables.`, ...mistakes, ...hints];
    super(lines.join("\n  "));
    this.mistakes = mistakes;
  }
}

/** Reads the configuration out of the environment. Throws a {@link ConfigError} that names all mistakes at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const hints = hintsFor(env);
  const mistakes: string[] = [];
  const environment: Partial<Environment> = {};
  for (const name of variableNames) {
    const read = variables[name].read(env[name]);
    if (read !== undefined) Object.assign(environment, { [name]: read.value });
    else mistakes.push(`${name} is ${shown(name, env[name] ?? "")}: set ${variables[name].note.allowed}.`);
  }
  for (const check of checks) {
    // A variable that is wrong by itself has been named, and says nothing about another.
    const mistake = check.of.every((name) => name in environment) && check.mistake(environment as Environment);
    if (mistake) mistakes.push(mistake);
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes, hints);
  return configOf(environment as Environment, hints);
}

/** A value as a message may show it: no secret, no password of a URL, no control characters, not without end. */
function shown(name: VariableName, value: string): string {
  if (variables[name].note.secret) return "set to a secret that is not shown";
  const masked = value.replace(/\/\/.*@/s, "//***@");
  return JSON.stringify(masked.length > 80 ? `${masked.slice(0, 80)}…` : masked);
}

/** What is set and has no effect, although it looks as if it should have one. */
function hintsFor(env: NodeJS.ProcessEnv): string[] {
  const names = Object.keys(env);
  const near = nearMisses(names, variableNames);
  const known = new Set<string>(variableNames);
  const ignored = names.filter(
    (name) => name.startsWith("OTEL_") && !known.has(name) && !near.some((hint) => hint.startsWith(`${name} `)),
  );
  return [...near, ...ignored.map((name) => `${name.slice(0, 80)} is set, but this service does not read it.`)];
}

function configOf(environment: Environment, hints: readonly string[]) {
  const serviceName = environment.OTEL_SERVICE_NAME ?? environment.SERVICE_ROLE;
  return {
    role: environment.SERVICE_ROLE,
    /** Said once in the log: what is set and has no effect. */
    hints,
    public: listenOn(environment.HOST, environment.PORT),
    admin: listenOn(environment.ADMIN_HOST, environment.ADMIN_PORT),
    api: {
      servedBy: environment.EXPOSE_REPLICA ? environment.REPLICA_NAME : undefined,
      bodyLimitBytes: environment.BODY_LIMIT_BYTES,
      longestRequestMs: environment.LONGEST_REQUEST_SECONDS * 1000,
    },
    telemetry: {
      serviceName,
      serviceVersion: environment.SERVICE_VERSION,
      instanceId: environment.REPLICA_NAME,
      logLevel: environment.LOG_LEVEL,
      logFiles:
        environment.LOG_FILE_DIR === undefined
          ? undefined
          : {
              dir: environment.LOG_FILE_DIR,
              maxBytes: environment.LOG_FILE_MAX_BYTES,
              files: environment.LOG_FILES,
            },
      traces: {
        ...(environment.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined && {
          endpoint: environment.OTEL_EXPORTER_OTLP_ENDPOINT,
        }),
        samplingRatio: environment.OTEL_TRACES_SAMPLER_ARG,
        headers: environment.OTEL_EXPORTER_OTLP_HEADERS,
      },
      resourceAttributes: environment.OTEL_RESOURCE_ATTRIBUTES,
      upstreams: stockOf(environment) === undefined ? [] : ["stock"],
    },
    lifecycle: {
      drainEnabled: environment.DRAIN_ENABLED,
      lagSeconds: environment.LAG_SECONDS,
      announceSeconds: environment.ANNOUNCE_SECONDS,
      drainSeconds: environment.DRAIN_SECONDS,
      closeSeconds: environment.CLOSE_SECONDS,
      flushSeconds: environment.FLUSH_SECONDS,
      shipSeconds: environment.SHIP_SECONDS,
      longestRequestSeconds: environment.LONGEST_REQUEST_SECONDS,
      crash: {
        lagSeconds: environment.CRASH_LAG_SECONDS,
        ...(environment.CRASH_DEADLINE_SECONDS > 0 && { deadlineSeconds: environment.CRASH_DEADLINE_SECONDS }),
      },
      timeouts: {
        keepAliveSeconds: environment.KEEP_ALIVE_SECONDS,
        headersSeconds: environment.HEADERS_TIMEOUT_SECONDS,
        requestSeconds: environment.REQUEST_TIMEOUT_SECONDS,
      },
      connection: {
        maxRequests: environment.CONNECTION_MAX_REQUESTS,
        maxAgeSeconds: environment.CONNECTION_MAX_AGE_SECONDS,
      },
    },
    shedding: {
      shedAbove: environment.SHED_ABOVE,
      resumeBelow: environment.SHED_BELOW,
      intervalMs: environment.SHED_INTERVAL_MS,
    },
    stock: stockOf(environment),
    faults: environment.FAULTS_ENABLED
      ? {
          slowStartMs: environment.FAULT_SLOW_START_SECONDS * 1000,
          longestDelayMs: environment.LONGEST_REQUEST_SECONDS * 1000,
          hasUpstream: stockOf(environment) !== undefined,
        }
      : undefined,
  };
}

function listenOn(host: string | undefined, port: number): { port: number; host?: string } {
  return host === undefined ? { port } : { port, host };
}

/** The upstream, or undefined where there is none: the stock service asks nobody. */
function stockOf(environment: Environment) {
  if (environment.STOCK_URL === undefined || environment.SERVICE_ROLE === "stock") return undefined;
  return {
    url: environment.STOCK_URL,
    attemptTimeoutMs: environment.STOCK_ATTEMPT_TIMEOUT_MS,
    maxAttempts: environment.STOCK_MAX_ATTEMPTS,
    retryBudget: environment.STOCK_RETRY_BUDGET,
    breakerFailures: environment.STOCK_BREAKER_FAILURES,
    breakerOpenMs: environment.STOCK_BREAKER_OPEN_SECONDS * 1000,
    staleMs: environment.STOCK_STALE_SECONDS * 1000,
    connections: environment.STOCK_CONNECTIONS,
    idleMs: environment.STOCK_IDLE_SECONDS * 1000,
    hardAfterFailures: environment.STOCK_HARD_AFTER_FAILURES,
  };
}
