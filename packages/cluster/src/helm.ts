import { DEFAULT_TIMEOUT_SECONDS, HELM_MARGIN_SECONDS } from "./helm-times.ts";
import { maker, MAKER_LABEL } from "./release-records.ts";
import { run } from "./run.ts";

export interface HelmUpgrade {
  release: string;
  namespace: string;
  /** Path of the chart's directory or archive. */
  chart: string;
  /** Beats `valuesFiles`. */
  values?: object;
  valuesFiles?: readonly string[];
  /** Until everything of the release is ready; default false. */
  wait?: boolean;
  /** For each of Helm's waits; default 120 s. */
  timeoutSeconds?: number;
  /** More arguments for Helm, such as `--dry-run=server`. */
  extraArgs?: readonly string[];
  signal?: AbortSignal | undefined;
}

export interface HelmRelease {
  name: string;
  namespace: string;
  revision: number;
  /** Helm's word: `deployed`, `failed`, `pending-upgrade` ... */
  status: string;
  /** With its version: `service-0.1.0`. */
  chart: string;
  appVersion: string;
}

/** Helm (3.21 or 4) against one cluster: kubeconfig and context are passed with every call. All throw ClusterError TOOL_FAILED with Helm's sentence. */
export interface Helm {
  /** `helm upgrade --install`. */
  upgrade(opts: HelmUpgrade): Promise<void>;
  /** A release that is not there is no error. Its pods may still be ending when this returns: see uninstallRelease(). */
  uninstall(opts: {
    release: string;
    namespace: string;
    timeoutSeconds?: number;
    signal?: AbortSignal | undefined;
  }): Promise<void>;
  /** Of one namespace, or of all without one. */
  list(namespace?: string): Promise<HelmRelease[]>;
  /** The values that the release was given, without the chart's defaults. */
  values(release: string, namespace: string): Promise<object>;
  /** What a release has installed, as YAML. */
  manifest(release: string, namespace: string): Promise<string>;
  /** The objects as YAML. */
  template(opts: Omit<HelmUpgrade, "wait" | "timeoutSeconds">): Promise<string>;
  /** `helm test`, with the logs of its pods in the error. */
  test(
    release: string,
    namespace: string,
    opts?: { timeoutSeconds?: number; signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** The whole command line, for somebody else's spawn. */
  command(args: readonly string[]): string[];
}

/** Helm 3's `--all` is gone in Helm 4; both know these. */
const EVERY_STATUS = ["--deployed", "--failed", "--pending", "--uninstalling"];

export function createHelm(opts: { file: string; kubeconfig: string; context: string }): Helm {
  const { file } = opts;
  const target = ["--kubeconfig", opts.kubeconfig, "--kube-context", opts.context];

  async function helm(
    args: readonly string[],
    {
      timeoutSeconds,
      ...rest
    }: { input?: string; timeoutSeconds?: number | undefined; what: string; signal?: AbortSignal | undefined },
  ): Promise<string> {
    const { input, what, signal } = rest;
    const { stdout } = await run(file, [...args, ...target], {
      what,
      ...(input === undefined ? {} : { input }),
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutSeconds === undefined ? {} : { timeoutMs: (timeoutSeconds + HELM_MARGIN_SECONDS) * 1000 }),
      // The default, which a person's own setting must not change: releases live in Secrets.
      env: { HELM_DRIVER: "secret" },
    });
    return stdout;
  }

  return {
    async upgrade({ wait = false, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, ...chart }) {
      await helm(
        [
          "upgrade",
          "--install",
          ...chartArgs(chart),
          ...(wait ? ["--wait"] : []),
          "--timeout",
          `${timeoutSeconds}s`,
          "--labels",
          `${MAKER_LABEL}=${maker()}`,
        ],
        {
          what: `install release ${chart.release} in namespace ${chart.namespace}`,
          timeoutSeconds,
          ...valuesInput(chart.values),
          signal: chart.signal,
        },
      );
    },

    async uninstall({ release, namespace, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, signal }) {
      await helm(
        [
          "uninstall",
          release,
          "--namespace",
          namespace,
          "--ignore-not-found",
          "--cascade",
          "foreground",
          "--wait",
          "--timeout",
          `${timeoutSeconds}s`,
        ],
        { what: `uninstall release ${release} in namespace ${namespace}`, timeoutSeconds, signal },
      );
    },

    async list(namespace) {
      const scope = namespace === undefined ? ["--all-namespaces"] : ["--namespace", namespace];
      const listed = JSON.parse(
        await helm(["list", ...scope, ...EVERY_STATUS, "-o", "json"], { what: "list the releases" }),
      ) as { name: string; namespace: string; revision: string; status: string; chart: string; app_version: string }[];
      return listed.map(({ name, namespace, revision, status, chart, app_version }) => ({
        name,
        namespace,
        revision: Number(revision),
        status,
        chart,
        appVersion: app_version,
      }));
    },

    async values(release, namespace) {
      const values = JSON.parse(
        await helm(["get", "values", release, "--namespace", namespace, "-o", "json"], {
          what: `read the values of release ${release} in namespace ${namespace}`,
        }),
      ) as object | null;
      return values ?? {};
    },

    manifest: (release, namespace) =>
      helm(["get", "manifest", release, "--namespace", namespace], {
        what: `read what release ${release} in namespace ${namespace} has installed`,
      }),

    template({ values, signal, ...chart }) {
      return helm(["template", ...chartArgs({ ...chart, ...(values === undefined ? {} : { values }) })], {
        what: `render chart ${chart.chart}`,
        ...valuesInput(values),
        signal,
      });
    },

    async test(release, namespace, { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, signal } = {}) {
      await helm(["test", release, "--namespace", namespace, "--logs", "--timeout", `${timeoutSeconds}s`], {
        what: `test release ${release} in namespace ${namespace}`,
        timeoutSeconds,
        signal,
      });
    },

    command: (args) => [file, ...args, ...target],
  };
}

function chartArgs(opts: Omit<HelmUpgrade, "wait" | "timeoutSeconds">): string[] {
  return [
    opts.release,
    opts.chart,
    "--namespace",
    opts.namespace,
    ...(opts.valuesFiles ?? []).flatMap((path) => ["--values", path]),
    // Last, hence strongest; by stdin, so that no file with values is left anywhere.
    ...(opts.values === undefined ? [] : ["--values", "-"]),
    ...(opts.extraArgs ?? []),
  ];
}

function valuesInput(values: object | undefined): { input?: string } {
  return values === undefined ? {} : { input: JSON.stringify(values) };
}
