import { ClusterError } from "@holdfast/cluster";
import { check } from "../check.ts";
import { countsDuring } from "../counts.ts";
import { Broken, mustBreak, TooLittle } from "../judgement.ts";
import { QUICK, type Room } from "../room.ts";

/** Neither the scaler's minimum, nor the 1 that Kubernetes makes of a count that nobody owns. */
const HELD = 4;

const REFUSAL = "Hand the number over first";

const OWNED = { ...QUICK, replicas: HELD, autoscaling: { mode: "none" } };
const SCALED = {
  ...QUICK,
  autoscaling: {
    mode: "hpa",
    minReplicas: 2,
    maxReplicas: 6,
    // There is no load: the scaler may hold N and nothing else.
    behavior: { scaleDown: { selectPolicy: "Disabled" } },
  },
};

/** Upgrades from the chart's own count to a scaler. @throws Broken when the chart refuses, or when the count was ever anything but N */
async function judge(room: Room, release: string): Promise<string> {
  const counts = await countsDuring(room, release, async () => {
    try {
      await room.install({ release, values: SCALED });
    } catch (error) {
      if (!(error instanceof ClusterError && error.message.includes(REFUSAL))) throw error;
      throw new Broken(`The chart refused the upgrade of ${release}: ${error.message}`);
    }
  });
  const other = counts.find((count) => count !== HELD);
  if (other !== undefined) throw new Broken(`The upgrade of ${release} set the count from ${HELD} to ${other}.`);
  return `${release} kept ${HELD} through the upgrade from \`replicas\` to an HPA`;
}

/** The sentence with which the chart refuses. @throws Broken when it does not */
async function refusalOf(room: Room, release: string): Promise<string> {
  let taken: string;
  try {
    taken = await judge(room, release);
  } catch (error) {
    if (error instanceof Broken && error.message.includes(REFUSAL)) return error.message;
    throw error;
  }
  throw new Broken(`Nobody had taken the count over, and the upgrade was not refused: ${taken}.`);
}

/** Does what the sentence says, word for word. */
async function handOver(room: Room, sentence: string): Promise<void> {
  // Helm's own line is the last one; before it the words may stand in a log line, with their quotes escaped.
  const words = sentence.slice(sentence.lastIndexOf(REFUSAL));
  const [, object, args] = /echo '([^']+)' \| kubectl (.+ -f -)/.exec(words) ?? [];
  if (object === undefined || args === undefined) throw new TooLittle(`There is no command in: ${sentence}`);
  await room.cluster.kubectl.run(args.split(" "), {
    input: object,
    what: "hand the count over as the chart says",
    signal: room.signal,
  });
}

check("scaler-handover", {
  sideBySide: true,

  async claim(room) {
    await room.install({ release: "handed", values: OWNED });
    await handOver(room, await refusalOf(room, "handed"));
    return `Refused at first; after the command that the refusal names ${await judge(room, "handed")}.`;
  },

  async control(room) {
    await room.install({ release: "kept", values: OWNED });
    return mustBreak(new RegExp(REFUSAL), () => judge(room, "kept"));
  },
});
