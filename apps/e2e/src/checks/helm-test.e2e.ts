import { ClusterError } from "@holdfast/cluster";
import { check } from "../check.ts";
import { Broken, mustBreak } from "../judgement.ts";
import { QUICK, type Room } from "../room.ts";

async function judge(
  room: Room,
  { release, withinSeconds }: { release: string; withinSeconds: number },
): Promise<string> {
  try {
    await room.cluster.helm.test(release, room.namespace, { timeoutSeconds: withinSeconds, signal: room.signal });
    return `\`helm test ${release}\` passes.`;
  } catch (error) {
    if (!(error instanceof ClusterError && ["TOOL_FAILED", "TIMEOUT"].includes(error.code))) throw error;
    throw new Broken(`\`helm test ${release}\` fails: ${await lastWords(room, release)}`);
  }
}

/** What the test itself said: Helm's own words are the same whatever was wrong. */
async function lastWords(room: Room, release: string): Promise<string> {
  const log = await room.kubectl(["logs", `${release}-test-answers`, "--tail=1"]).catch(() => "");
  return log.trim() || "its pod has said nothing.";
}

check("helm-test", {
  sideBySide: true,

  async claim(room) {
    const found = await Promise.all(
      [
        { release: "stock", values: { role: "stock" } },
        { release: "catalogue", values: { upstream: { url: "http://stock" } } },
      ].map(async ({ release, values }) => {
        await room.install({ release, values: { ...QUICK, replicas: 1, ...values } });
        return judge(room, { release, withinSeconds: 120 });
      }),
    );
    return found.join(" ");
  },

  async control(room) {
    await room.install({ release: "empty", values: { ...QUICK, role: "stock", replicas: 1 } });
    await room.kubectl(["scale", "deployment/empty", "--replicas=0"]);
    await room.kubectl(["wait", "pods", "-l", "app.kubernetes.io/instance=empty", "--for=delete", "--timeout=60s"]);
    // The test itself would go on asking for a minute.
    // Not a name that is not found, nor a status: there is the Service, and nobody behind it.
    return mustBreak(
      /helm test empty. fails: http:\/\/empty\S*: .*(ECONNREFUSED|EHOSTUNREACH|ETIMEDOUT|ABORT_ERR)/,
      () => judge(room, { release: "empty", withinSeconds: 15 }),
    );
  },
});
