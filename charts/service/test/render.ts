/** What helm makes of the chart, as objects; or the sentence with which it refuses. */
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IHorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1";
import type { IConfigMap, IPod, IService, IServiceAccount } from "kubernetes-models/v1";
import type { IPodMonitor, IPrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { parseAllDocuments } from "yaml";

import { chart, runHelm, type HelmResult } from "./helm.ts";

export const profiles = ["dev", "ha", "workshop"] as const;
type Profile = (typeof profiles)[number];

export interface RenderOptions {
  /** Laid over the profile, or over the default values. `image.repository` is set unless it stands here. */
  values?: object;
  profile?: Profile;
  /** `--set`: path of a value -> its text. */
  set?: Readonly<Record<string, string>>;
  release?: string;
  namespace?: string;
  isUpgrade?: boolean;
  /** Paths of templates, relative to the chart; the others are rendered and left out. */
  showOnly?: readonly string[];
  /** Asks for the notes too, by a second call of helm. */
  notes?: boolean;
}

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Readonly<Record<string, string>>;
    annotations?: Readonly<Record<string, string>>;
  };
  spec?: unknown;
}

export interface Rendered {
  /** 0 when helm rendered. */
  status: number;
  objects: readonly KubernetesObject[];
  /** What helm said when it did not: a guard's sentence alone, or the schema's list of complaints. */
  error: string;
  notes?: string;
}

export function render(opts: RenderOptions = {}): Rendered {
  const release = opts.release ?? "catalogue";
  const { args, input } = valueArguments(opts);
  const isUpgrade = opts.isUpgrade === true ? ["--is-upgrade"] : [];
  const showOnly = (opts.showOnly ?? []).flatMap((template) => ["--show-only", template]);
  const { status, stdout, stderr } = template([release, chart, ...args, ...isUpgrade, ...showOnly], input);
  if (status !== 0) return { status, objects: [], error: sentenceOf(stderr) };
  const rendered = { status, objects: objectsOf(stdout), error: "" };
  return opts.notes === true ? { ...rendered, notes: notesOf(release, args, input) } : rendered;
}

const templated = new Map<string, HelmResult>();

/** `helm template`, once for the same arguments in one process: the chart does not change meanwhile. */
function template(args: readonly string[], input: string): HelmResult {
  const key = JSON.stringify([args, input]);
  const known = templated.get(key) ?? runHelm(["template", ...args], input);
  templated.set(key, known);
  return known;
}

function notesOf(release: string, args: readonly string[], input: string): string {
  const { status, stdout, stderr } = runHelm(
    ["install", release, chart, "--dry-run=client", "--output", "json", ...args],
    input,
  );
  if (status !== 0) throw new Error(`helm rendered the chart, but not its notes: ${sentenceOf(stderr)}`);
  return (JSON.parse(stdout) as { info: { notes: string } }).info.notes;
}

export interface Linted {
  status: number;
  /** The lines of helm, without those of level INFO. */
  complaints: readonly string[];
}

/** `helm lint --strict`. It takes no notice of guards: helm ignores `fail` here. */
export function lint(opts: RenderOptions = {}): Linted {
  const { args, input } = valueArguments(opts);
  const { status, stdout, stderr } = runHelm(["lint", chart, "--strict", ...args], input);
  const complaints = `${stdout}\n${stderr}`.split("\n").filter((line) => /^\[(WARNING|ERROR)\]|^Error: /.test(line));
  return { status, complaints };
}

interface Kinds {
  ConfigMap: IConfigMap;
  Deployment: IDeployment;
  HorizontalPodAutoscaler: IHorizontalPodAutoscaler;
  Pod: IPod;
  PodDisruptionBudget: IPodDisruptionBudget;
  PodMonitor: IPodMonitor;
  PrometheusRule: IPrometheusRule;
  ScaledObject: KubernetesObject & { spec: Record<string, unknown> };
  Service: IService;
  ServiceAccount: IServiceAccount;
}

/** All objects of a kind, typed. */
export function allOfKind<Kind extends keyof Kinds>(objects: readonly KubernetesObject[], kind: Kind): Kinds[Kind][] {
  return objects.filter((object) => object.kind === kind) as unknown as Kinds[Kind][];
}

/** The one object of a kind, typed. Throws when there is none, or more than one. */
export function onlyOfKind<Kind extends keyof Kinds>(objects: readonly KubernetesObject[], kind: Kind): Kinds[Kind] {
  const [object, ...more] = allOfKind(objects, kind);
  if (object === undefined || more.length > 0) {
    const found = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(", ");
    throw new Error(`Exactly one ${kind} was to be rendered, and there are: ${found === "" ? "no objects" : found}.`);
  }
  return object;
}

function valueArguments(opts: RenderOptions): { args: string[]; input: string } {
  const profile = opts.profile === undefined ? [] : ["--values", `${chart}/values-${opts.profile}.yaml`];
  const set = Object.entries(opts.set ?? {}).flatMap(([path, text]) => ["--set", `${path}=${text}`]);
  return {
    args: ["--namespace", opts.namespace ?? "holdfast", ...profile, "--values", "-", ...set],
    input: JSON.stringify(withImage(opts.values ?? {})),
  };
}

/** The chart refuses to render without an image, which few tests are about. */
function withImage(values: object): object {
  const image = "image" in values && typeof values.image === "object" ? values.image : {};
  return { ...values, image: { repository: "registry.example/holdfast/service", ...image } };
}

function objectsOf(stdout: string): KubernetesObject[] {
  return parseAllDocuments(stdout).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`helm rendered what is no YAML: ${error.message}`);
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}

/** Without the path through templates that helm puts before a guard's sentence. */
function sentenceOf(stderr: string): string {
  const text = stderr.slice(Math.max(0, stderr.indexOf("Error: "))).trim();
  const [, guard] =
    /error calling fail: ([\s\S]*)$/.exec(text) ?? /^Error: execution error at \([^)]*\): ([\s\S]*)$/.exec(text) ?? [];
  const sentence = guard ?? text.replace(/^Error: /, "");
  return sentence.replace(/\n*Use --debug flag to render out invalid YAML\s*$/, "").trim();
}
