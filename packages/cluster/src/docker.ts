/** Docker as typed calls. Nothing here knows what a container is for. Whatever `DOCKER_HOST` or a context says holds: the client reads them. */
import { ClusterError } from "./errors.ts";
import { run } from "./run.ts";
import type { RunOptions } from "./run.ts";

export interface DockerContainer {
  readonly id: string;
  readonly name: string;
  /** Docker's word: created, running, paused, restarting, exited, dead, removing. */
  readonly state: string;
  /** Id of its image: `sha256:...`. */
  readonly imageId: string;
  /** As it was named when the container was made. */
  readonly imageName: string;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Port inside -> port on the host, TCP only; as configured, so also of a stopped container. */
  readonly ports: ReadonlyMap<number, number>;
  readonly mounts: readonly { readonly source: string; readonly destination: string }[];
  readonly networks: readonly string[];
}

export interface DockerFacts {
  readonly version: string;
  readonly memoryBytes: number;
  readonly cgroupVersion: number;
  readonly rootDir: string;
  /** Host name of the machine that the daemon runs on. */
  readonly machine: string;
  /** `linux/amd64`, as in a bundle. */
  readonly platform: string;
}

export interface Docker {
  facts(opts?: RunOptions): Promise<DockerFacts>;
  /** All containers, whatever their state, with two labels each at little cost. */
  list(
    labelKeys: readonly string[],
    opts?: RunOptions,
  ): Promise<{ id: string; name: string; labels: (string | undefined)[] }[]>;
  /** What of these still exists. */
  inspect(ids: readonly string[], opts?: RunOptions): Promise<DockerContainer[]>;
  /** The id of an image, or nothing where Docker has none of that name or id. */
  imageId(reference: string, opts?: RunOptions): Promise<string | undefined>;
  /** The names that images have, by id; nothing unless all of these are there. */
  tags(ids: readonly string[], opts?: RunOptions): Promise<Map<string, readonly string[]> | undefined>;
  /** The labels of a volume, or nothing where there is none of that name. */
  volumeLabels(name: string, opts?: RunOptions): Promise<Readonly<Record<string, string>> | undefined>;
  run(args: readonly string[], opts?: RunOptions): Promise<string>;
}

interface InspectedContainer {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  State: { Status: string };
  Config: { Image: string; Labels: Record<string, string> | null };
  HostConfig: { PortBindings: Record<string, { HostPort: string }[] | null> | null };
  Mounts: { Source?: string; Destination: string }[];
  NetworkSettings: { Networks: Record<string, unknown> | null };
}

export function createDocker(file: string): Docker {
  async function docker(args: readonly string[], opts?: RunOptions): Promise<string> {
    try {
      return (await run(file, args, opts)).stdout;
    } catch (error) {
      throw explain(error);
    }
  }

  return {
    run: docker,

    async facts(opts) {
      const info = JSON.parse(
        await docker(["info", "--format", "{{json .}}"], { what: "ask Docker what it is", timeoutMs: 20_000, ...opts }),
      ) as {
        ServerVersion?: string;
        MemTotal?: number;
        CgroupVersion?: string;
        DockerRootDir?: string;
        Name?: string;
        OSType?: string;
        Architecture?: string;
        ServerErrors?: string[];
      };
      // Older clients end with 0 although the daemon did not answer.
      if (info.ServerErrors !== undefined && info.ServerErrors.length > 0) {
        throw explain(new ClusterError("TOOL_FAILED", info.ServerErrors.join("; ")));
      }
      const architecture = { x86_64: "amd64", aarch64: "arm64" }[info.Architecture ?? ""] ?? info.Architecture ?? "";
      return {
        version: info.ServerVersion ?? "",
        memoryBytes: info.MemTotal ?? 0,
        cgroupVersion: Number(info.CgroupVersion ?? 1),
        rootDir: info.DockerRootDir ?? "",
        machine: info.Name ?? "",
        platform: `${info.OSType ?? ""}/${architecture}`,
      };
    },

    async list(labelKeys, opts) {
      const format = ["{{.ID}}", "{{.Names}}", ...labelKeys.map((key) => `{{.Label "${key}"}}`)].join("\t");
      const lines = await docker(["ps", "--all", "--no-trunc", "--format", format], {
        what: "list Docker's containers",
        ...opts,
      });
      return lines
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => {
          const [id = "", names = "", ...labels] = line.split("\t");
          return {
            id,
            // A container with links has more names, each under another container's: its own has no slash.
            name: names.split(",").find((name) => !name.includes("/")) ?? names,
            labels: labels.map((label) => (label === "" ? undefined : label)),
          };
        });
    },

    async inspect(ids, opts) {
      if (ids.length === 0) return [];
      try {
        return parse(await docker(["inspect", "--type", "container", ...ids], { what: "inspect containers", ...opts }));
      } catch (error) {
        if (opts?.signal?.aborted || ids.length === 1) {
          if (!opts?.signal?.aborted && /no such (container|object)/i.test(String(error))) return [];
          throw error;
        }
        // One of them has gone meanwhile; the others have not.
        const each = await Promise.all(ids.map((id) => this.inspect([id], opts)));
        return each.flat();
      }
    },

    async volumeLabels(name, opts) {
      try {
        const labels = await docker(["volume", "inspect", "--format", "{{json .Labels}}", name], {
          what: `look at the volume ${name}`,
          ...opts,
        });
        return (JSON.parse(labels) as Record<string, string> | null) ?? {};
      } catch (error) {
        if (/no such volume/i.test(String(error))) return undefined;
        throw error;
      }
    },

    async imageId(reference, opts) {
      try {
        return await docker(["image", "inspect", "--format", "{{.Id}}", reference], {
          what: `look for image ${reference}`,
          ...opts,
        });
      } catch (error) {
        if (/no such image/i.test(String(error))) return undefined;
        throw error;
      }
    },

    async tags(ids, opts) {
      try {
        const lines = await docker(["image", "inspect", "--format", "{{.Id}} {{json .RepoTags}}", ...ids], {
          what: "look for images",
          ...opts,
        });
        return new Map(
          lines.split("\n").map((line) => {
            const space = line.indexOf(" ");
            return [line.slice(0, space), (JSON.parse(line.slice(space + 1)) as string[] | null) ?? []];
          }),
        );
      } catch (error) {
        if (/no such image/i.test(String(error))) return undefined;
        throw error;
      }
    },
  };
}

function parse(json: string): DockerContainer[] {
  return (JSON.parse(json) as InspectedContainer[]).map((container) => ({
    id: container.Id,
    name: container.Name.replace(/^\//, ""),
    state: container.State.Status,
    imageId: container.Image,
    imageName: container.Config.Image,
    createdAt: container.Created,
    labels: container.Config.Labels ?? {},
    ports: new Map(
      Object.entries(container.HostConfig.PortBindings ?? {})
        .filter(([port]) => port.endsWith("/tcp"))
        .map(([port, bindings]) => [Number.parseInt(port, 10), Number(bindings?.[0]?.HostPort ?? 0)]),
    ),
    mounts: container.Mounts.map(({ Source, Destination }) => ({ source: Source ?? "", destination: Destination })),
    networks: Object.keys(container.NetworkSettings.Networks ?? {}),
  }));
}

/** Whatever was to be done: where Docker itself is what is missing, the sentence says that and how to get it. */
function explain(error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error;
  const unavailable = (text: string) => new ClusterError("PREFLIGHT", text, { cause: error });
  if (error.code === "TOOL_MISSING") {
    return unavailable(
      "Docker is not installed: there is no program `docker` on PATH. Install Docker Engine or Docker Desktop (https://docs.docker.com/get-docker/) and start it.",
    );
  }
  if (error.code !== "TOOL_FAILED") return error;
  if (/permission denied while trying to connect/i.test(error.message)) {
    return unavailable(
      "Docker refuses this user. Add it to the group docker (sudo usermod -aG docker $USER, then log in again), or start the command as a user who may.",
    );
  }
  if (
    /cannot connect to the docker daemon|is the docker daemon running|error during connect|failed to connect to the docker api/i.test(
      error.message,
    )
  ) {
    const host = process.env["DOCKER_HOST"];
    const where = host === undefined ? "" : ` at DOCKER_HOST=${host}`;
    return unavailable(
      `Docker does not answer${where}. Start it (sudo systemctl start docker, or Docker Desktop) and try again.`,
    );
  }
  return error;
}
