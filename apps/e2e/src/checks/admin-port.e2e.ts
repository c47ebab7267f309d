import { check } from "../check.ts";
import { podOf } from "../client-pod.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import type { Pod, Service } from "../kubernetes.ts";
import { QUICK, type Room } from "../room.ts";

const ADMIN_PORT = 8081;
const ADMIN_PATHS = ["/livez", "/readyz", "/startupz", "/metrics", "/faults"];

/** What a pod of the cluster gets: a status, or why there was none. */
type Answers = Record<string, number | string>;

/** Asks each URL from a pod of its own, as a client in the cluster would. No name is looked up. */
async function askFromInside(room: Room, { name, urls }: { name: string; urls: readonly string[] }): Promise<Answers> {
  const script = `
    const ask = (url) => fetch(url, { signal: AbortSignal.timeout(3000) })
      .then((answer) => answer.status, (error) => String(error.cause?.code ?? error.name));
    Promise.all(process.argv.slice(1).map(async (url) => [url, await ask(url)]))
      .then((all) => console.log(JSON.stringify(Object.fromEntries(all))));`;
  await room.apply(podOf(room, { name, code: script, args: urls }));
  await room.waitFor<Pod, true>(["pod", name], {
    until: ([pod]) => (pod?.status.phase === "Succeeded" ? true : undefined),
    withinSeconds: 60,
    otherwise: ([pod]) => new TooLittle(`The pod that asks is ${pod?.status.phase ?? "not there"} after 60 s.`),
  });
  return JSON.parse(await room.kubectl(["logs", name])) as Answers;
}

/** What answers through a Service. @throws Broken when anything of the admin port does */
async function judge(room: Room, { service, as }: { service: string; as: string }): Promise<string> {
  const { spec } = await room.json<Service>(["get", "service", service]);
  const [pod] = await room.pods("catalogue");
  const onPod = `http://${pod?.status.podIP}:${ADMIN_PORT}/livez`;
  const api = `http://${spec.clusterIP}:80/api/products`;
  const ports = new Set([ADMIN_PORT, ...spec.ports.map(({ port }) => port)]);
  const hidden = [...ports].flatMap((port) => ADMIN_PATHS.map((path) => `http://${spec.clusterIP}:${port}${path}`));
  const answers = await askFromInside(room, { name: as, urls: [onPod, api, ...hidden] });

  if (answers[onPod] !== 200)
    throw new TooLittle(`The admin port does not answer on the pod itself: ${answers[onPod]}.`);
  if (answers[api] !== 200) throw new TooLittle(`The API does not answer through ${service}: ${answers[api]}.`);
  // A 404 of the API's own port is its answer for a path that it does not have.
  const open = hidden.filter((url) => typeof answers[url] === "number" && answers[url] !== 404);
  if (open.length > 0) {
    throw new Broken(
      `Through ${service} answer ${open.map((url) => `:${new URL(url).port}${new URL(url).pathname}`).join(", ")}.`,
    );
  }
  const named = spec.ports.filter(({ targetPort }) => targetPort === ADMIN_PORT || targetPort === "admin");
  if (named.length > 0) throw new Broken(`${service} names the admin port.`);
  const closed = new Set(hidden.filter((url) => new URL(url).port === String(ADMIN_PORT)).map((url) => answers[url]));
  return `Through the client Service the API answers 200, port ${ADMIN_PORT} does not (${[...closed].join(", ")}), and no path of it is found on port 80; on the pod's own address it answers 200.`;
}

check("admin-port", {
  async claim(room) {
    await room.install({ release: "catalogue", values: { ...QUICK, replicas: 1 } });
    return judge(room, { service: "catalogue", as: "ask" });
  },

  async control(room) {
    const { spec } = await room.json<Service & { spec: { selector: object } }>(["get", "service", "catalogue"]);
    await room.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "careless" },
      spec: {
        selector: spec.selector,
        ports: [
          { name: "http", port: 80, targetPort: "http" },
          { name: "admin", port: ADMIN_PORT, targetPort: "admin" },
        ],
      },
    });
    return mustBreak(/Through careless answer :8081\/livez/, () =>
      judge(room, { service: "careless", as: "ask-careless" }),
    );
  },
});
