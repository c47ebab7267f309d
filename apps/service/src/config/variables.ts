/**
 * Every variable of the environment that the service reads: the one list behind the configuration, `--help`, the
 * README's table and the errors. Each default carries its reason in `about` or beside it.
 */
import { hostname } from "node:os";

import { buildVersion } from "../version.ts";
import { choice, flag, httpUrl, pairs, ratio, seconds, text, whole, type Variable } from "./variable.ts";

const DAY = 86_400;
const MEBIBYTE = 1_048_576;

/** Printable ASCII without spaces, as a header value and a label must be. */
const NAME = { pattern: /^[\x21-\x7e]{1,128}$/, allowed: "1 to 128 printable ASCII characters without spaces" };
const ADDRESS = { pattern: /^[0-9A-Za-z.:%_-]{1,253}$/, allowed: "an address or a host name" };

export const variables = {
  SERVICE_ROLE: choice({
    group: "Service",
    of: ["catalogue", "stock"],
    fallback: "catalogue",
    about: "Which part this process plays: the catalogue, or the upstream that it asks for stock.",
  }),
  OTEL_SERVICE_NAME: text({
    group: "Service",
    ...NAME,
    fallback: undefined,
    fallbackText: "the role",
    about: "Name in logs, metrics and traces.",
  }),
  SERVICE_VERSION: text({
    group: "Service",
    ...NAME,
    fallback: buildVersion,
    about: "Version in logs, metrics and traces; the one it was built from unless set.",
  }),
  REPLICA_NAME: text({
    group: "Service",
    ...NAME,
    fallback: hostname(),
    fallbackText: "the host's name",
    about:
      "Name of this replica: `service.instance.id`, and `x-served-by` where that is on. On Kubernetes the pod's name.",
  }),
  EXPOSE_REPLICA: flag({
    group: "Service",
    fallback: false,
    about: "Whether answers say who served them, in `x-served-by`.",
  }),

  HOST: text({
    group: "Network",
    ...ADDRESS,
    fallback: undefined,
    fallbackText: "all addresses",
    about: "Address of the public port; without one it serves IPv6 and IPv4, whichever the network has.",
  }),
  PORT: whole({
    group: "Network",
    from: 0,
    to: 65_535,
    fallback: 8080,
    about: "Public port: the API, nothing else. 0 takes any free one.",
  }),
  ADMIN_HOST: text({
    group: "Network",
    ...ADDRESS,
    fallback: undefined,
    fallbackText: "all addresses",
    about: "Address of the admin port; the kubelet and Prometheus must reach it, clients must not.",
  }),
  ADMIN_PORT: whole({
    group: "Network",
    from: 0,
    to: 65_535,
    fallback: 8081,
    about: "Admin port: probes, metrics and, where enabled, faults.",
  }),
  KEEP_ALIVE_SECONDS: seconds({
    group: "Network",
    from: 0.1,
    to: DAY,
    fallback: 72,
    about:
      "How long an idle client socket stays open. Above a balancer's usual 60 s, or the balancer sends into a socket that is being closed.",
  }),
  HEADERS_TIMEOUT_SECONDS: seconds({
    group: "Network",
    from: 0.1,
    to: 3600,
    fallback: 5,
    about: "How long a request's headers may take to arrive; then 408. Slow clients cannot hold sockets for longer.",
  }),
  REQUEST_TIMEOUT_SECONDS: seconds({
    group: "Network",
    from: 0.1,
    to: 3600,
    fallback: 10,
    about: "How long a whole request, body included, may take to arrive; then 408.",
  }),
  CONNECTION_MAX_REQUESTS: whole({
    group: "Network",
    from: 0,
    to: 1_000_000,
    fallback: 0,
    about: "Answers on one socket before one says `Connection: close`, spread by 20 %; 0 is no limit.",
  }),
  CONNECTION_MAX_AGE_SECONDS: seconds({
    group: "Network",
    from: 0,
    to: DAY,
    fallback: 60,
    about:
      "Age at which a socket's next answer says `Connection: close`, spread by 20 %; 0 is no limit. Without it new replicas get no kept-alive traffic.",
  }),
  BODY_LIMIT_BYTES: whole({
    group: "Network",
    from: 1,
    to: 10_485_760,
    fallback: 65_536,
    unit: "bytes",
    about: "Largest request body; above it 413.",
  }),

  LONGEST_REQUEST_SECONDS: seconds({
    group: "Shutdown",
    from: 0.05,
    to: 3600,
    fallback: 10,
    about:
      "Longest request that is allowed: bounds the deadline that a client may ask for, and the drain must outlast it.",
  }),
  DRAIN_ENABLED: flag({
    group: "Shutdown",
    fallback: true,
    about: "false ends at SIGTERM at once, as a program without a handler does. For controls of tests only.",
  }),
  LAG_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 600,
    fallback: 0,
    about:
      "Phase 1, after SIGTERM: how long traffic still arrives, since endpoints change late. 0 where a preStop hook has waited.",
  }),
  ANNOUNCE_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 600,
    fallback: 2,
    about:
      "Phase 2: still accepting, every answer says `Connection: close`. More than the idle gap of a persistent client; ends early when no socket is left.",
  }),
  DRAIN_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 3600,
    fallback: 10,
    about: "Phase 3: no new connections, requests in flight may end.",
  }),
  CLOSE_SECONDS: seconds({ group: "Shutdown", from: 0, to: 600, fallback: 2, about: "Phase 4: dependencies close." }),
  FLUSH_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 600,
    fallback: 2,
    about: "Phase 5: telemetry is flushed, last.",
  }),
  SHIP_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 600,
    fallback: 0,
    about:
      "Phase 6: how long to wait after the last log line, for a log shipper that dies with this pod: at least 2 of its poll intervals. A second signal ends the wait.",
  }),
  CRASH_LAG_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 600,
    fallback: 12,
    about:
      "The lag of a drain after an uncaught error, which no preStop hook precedes: readiness period 5 s x threshold 2 + 2 s.",
  }),
  CRASH_DEADLINE_SECONDS: seconds({
    group: "Shutdown",
    from: 0,
    to: 3600,
    fallback: 0,
    fallbackText: "0 (the sum of the phases)",
    about: "From an uncaught error to the exit, whatever happens; 0 is the sum of the phases with the lag of a crash.",
  }),

  SHED_ABOVE: ratio({
    group: "Overload",
    fallback: 0.95,
    about: "Event-loop utilisation above which requests are shed with 503 and Retry-After.",
  }),
  SHED_BELOW: ratio({
    group: "Overload",
    fallback: 0.8,
    about: "Utilisation below which shedding ends again; the gap keeps it from flapping.",
  }),
  SHED_INTERVAL_MS: whole({
    group: "Overload",
    from: 10,
    to: 60_000,
    unit: "milliseconds",
    fallback: 500,
    about: "Over how long the utilisation is measured.",
  }),

  STOCK_URL: httpUrl({
    group: "Upstream",
    about: "Base URL of the stock service. Without one answers say that stock is unknown.",
  }),
  STOCK_ATTEMPT_TIMEOUT_MS: whole({
    group: "Upstream",
    from: 1,
    to: 600_000,
    unit: "milliseconds",
    fallback: 500,
    about: "How long one attempt may take.",
  }),
  STOCK_MAX_ATTEMPTS: whole({
    group: "Upstream",
    from: 1,
    to: 10,
    fallback: 2,
    about: "Attempts a request, the first included.",
  }),
  STOCK_RETRY_BUDGET: ratio({
    group: "Upstream",
    fallback: 0.2,
    about: "Retries as a share of requests: attempts never exceed 1 + this, so that retries cannot become a storm.",
  }),
  STOCK_BREAKER_FAILURES: whole({
    group: "Upstream",
    from: 1,
    to: 1000,
    fallback: 5,
    about: "Failed attempts in a row that open the breaker.",
  }),
  STOCK_BREAKER_OPEN_SECONDS: seconds({
    group: "Upstream",
    from: 0.01,
    to: 600,
    fallback: 2,
    about: "How long an open breaker waits before it tries again.",
  }),
  STOCK_STALE_SECONDS: seconds({
    group: "Upstream",
    from: 0,
    to: DAY,
    fallback: 300,
    about:
      "How old a remembered stock level may be that is answered, marked as stale, when the upstream is not to be had.",
  }),
  STOCK_CONNECTIONS: whole({
    group: "Upstream",
    from: 1,
    to: 10_000,
    fallback: 64,
    about: "Most sockets to the upstream.",
  }),
  STOCK_IDLE_SECONDS: seconds({
    group: "Upstream",
    from: 0.01,
    to: DAY,
    fallback: 30,
    about:
      "How long a socket to the upstream is kept idle. Below the upstream's keep-alive, or a request meets a socket that is being closed.",
  }),
  STOCK_HARD_AFTER_FAILURES: whole({
    group: "Upstream",
    from: 0,
    to: 100_000,
    fallback: 0,
    about:
      "Failed calls in a row after which the replica says it is not ready; 0 is never. One shared upstream would unready every replica at once.",
  }),

  LOG_LEVEL: choice({
    group: "Telemetry",
    of: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    fallback: "info",
    about: "Least level that is logged; `info` has one line a request.",
  }),
  LOG_FILE_DIR: text({
    group: "Telemetry",
    pattern: /^\/[\x20-\x7e]{0,1023}$/,
    allowed: "an absolute path",
    fallback: undefined,
    fallbackText: "none (stdout alone)",
    about:
      "Directory of log files (`service-NNNNNN.log`) with the same lines as stdout, for a log shipper beside this process. It must exist. Lines that are in a file carry `log_shipping: sidecar`.",
  }),
  LOG_FILE_MAX_BYTES: whole({
    group: "Telemetry",
    from: MEBIBYTE,
    to: 1024 * MEBIBYTE,
    unit: "bytes",
    fallback: 8 * MEBIBYTE,
    about: "Size that no log file exceeds: when one is full the next begins.",
  }),
  LOG_FILES: whole({
    group: "Telemetry",
    from: 2,
    to: 100,
    fallback: 4,
    about: "Most log files there are; the oldest goes when one more begins. With the size of one this bounds the disk.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl({
    group: "Telemetry",
    about: "Base URL of an OTLP/HTTP receiver for traces. Without one nothing is sent anywhere.",
  }),
  OTEL_EXPORTER_OTLP_HEADERS: pairs({
    group: "Telemetry",
    secret: true,
    about: "Headers for that receiver, such as its token.",
  }),
  OTEL_TRACES_SAMPLER_ARG: ratio({
    group: "Telemetry",
    fallback: 0.1,
    about: "Share of traces begun here that are sampled; a caller's decision is kept.",
  }),
  OTEL_RESOURCE_ATTRIBUTES: pairs({ group: "Telemetry", about: "More resource attributes of the spans." }),

  FAULTS_ENABLED: flag({
    group: "Faults",
    fallback: false,
    about: "Whether `/faults` on the admin port and `x-fault-delay-ms` work. Never in production.",
  }),
  FAULT_SLOW_START_SECONDS: seconds({
    group: "Faults",
    from: 0,
    to: 3600,
    fallback: 0,
    about: "Extra time to start, for a look at startup probes and rollouts that hang.",
  }),
};

export type VariableName = keyof typeof variables;

/** What the program reads of each variable. */
export type Environment = {
  [Name in VariableName]: (typeof variables)[Name] extends Variable<infer Value> ? Value : never;
};
