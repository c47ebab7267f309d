import { postJson, type KubeconfigView } from "./api-post.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";
import { startWatch } from "./watch.ts";
import type { Watch, WatchOptions } from "./watch.ts";

export interface ApplyOptions {
  namespace?: string;
  /** Needed for objects too big for the last-applied annotation (KEDA's CRDs), and where several own one object. */
  serverSide?: boolean;
  /** Completes "Could not ..." when it fails. */
  what?: string;
  signal?: AbortSignal | undefined;
}

export interface RawOptions {
  method?: "GET" | "POST" | "DELETE";
  body?: string;
  timeoutMs?: number;
  what?: string;
  signal?: AbortSignal | undefined;
}

/** kubectl against one cluster: kubeconfig and context are passed with every call, the user's own are neither read nor changed. */
export interface Kubectl {
  /** @returns what kubectl printed. @throws ClusterError TOOL_FAILED with kubectl's last lines. */
  run(args: readonly string[], opts?: RunOptions): Promise<string>;
  /** As `run` with `-o json`, parsed. */
  json<T>(args: readonly string[], opts?: RunOptions): Promise<T>;
  apply(objects: readonly object[] | string, opts?: ApplyOptions): Promise<void>;
  /** One call to the API server by its path, such as a pod's proxy; `body` is JSON. Answers outside of 200..299 are thrown. */
  raw(path: string, opts?: RawOptions): Promise<string>;
  /** `args` as for `kubectl get`: `["pods", "-n", "holdfast"]`. */
  watch<T>(args: readonly string[], opts: WatchOptions<T>): Watch;
  /** The whole command line, for somebody else's spawn. */
  command(args: readonly string[]): string[];
}

/**
 * A person's own `kuberc` may rename commands and change their defaults (`apply` to server-side, `delete` to interactive): none of that is ours.
 */
const OWN_SETTINGS = { KUBERC: "off" };

export function createKubectl(opts: { file: string; kubeconfig: string; context: string }): Kubectl {
  const { file } = opts;
  const target = ["--kubeconfig", opts.kubeconfig, "--context", opts.context];
  let view: KubeconfigView | undefined;

  async function kubectl(args: readonly string[], runOptions: RunOptions = {}): Promise<string> {
    const { stdout } = await run(file, [...target, ...args], {
      what: `run kubectl ${args.join(" ")}`,
      ...runOptions,
      env: { ...OWN_SETTINGS, ...runOptions.env },
    });
    return stdout;
  }

  return {
    run: kubectl,

    async json<T>(args: readonly string[], runOptions?: RunOptions): Promise<T> {
      return JSON.parse(await kubectl([...args, "-o", "json"], runOptions)) as T;
    },

    async apply(objects, { namespace, serverSide = false, ...rest } = {}) {
      if (typeof objects !== "string" && objects.length === 0) return;
      const input =
        typeof objects === "string" ? objects : JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
      await kubectl(
        [
          "apply",
          ...(namespace === undefined ? [] : ["-n", namespace]),
          // What we install is ours: fields that another manager took (a hand-made install of the same release) are taken back.
          ...(serverSide ? ["--server-side", "--force-conflicts", "--field-manager=holdfast"] : []),
          "-f",
          "-",
        ],
        { ...rest, input },
      );
    },

    async raw(path, { method = "GET", body = "", ...rest } = {}) {
      if (method === "GET") return kubectl(["get", "--raw", path], rest);
      if (method === "DELETE") return kubectl(["delete", "--raw", path], rest);
      view ??= JSON.parse(await kubectl(["config", "view", "--raw", "--minify", "-o", "json"], rest)) as KubeconfigView;
      return postJson(view, { what: `call POST ${path}`, ...rest, path, body });
    },

    watch<T>(args: readonly string[], watchOptions: WatchOptions<T>): Watch {
      return startWatch(
        {
          file,
          args: [...target, "get", ...args, "--watch", "--output-watch-events", "-o", "json"],
          env: OWN_SETTINGS,
          list: async () => (await this.json<{ items?: T[] }>(["get", ...args])).items,
        },
        watchOptions,
      );
    },

    command: (args) => [file, ...target, ...args],
  };
}
