import { expect, test } from "vitest";
import { experimentOn, factsOf, type Lab } from "../experiment.ts";
import { NotInTime } from "../lab.ts";
import type { Replica } from "../target.ts";
import { scaleOutAndIn, scaleOutAndInByHpa, shareOf } from "./scale-out-and-in.ts";

const experiment = experimentOn(scaleOutAndIn, "kind");
const facts = factsOf(experiment, "kind");
const { rule, said } = experiment.pass(facts);
const { autoscaling } = experiment.system.catalogue;

const ZONES = ["zone-a", "zone-b", "zone-c"];

/**
 * A lab in which a scaler does at once what the load asks for, but for `most`, and nothing takes any time.
 * `zoneOf` says where the nth replica stands.
 */
function labWhere({
  most = 7,
  zoneOf = (n: number) => ZONES[n % 3],
}: { most?: number; zoneOf?: (n: number) => string | undefined } = {}) {
  const told: unknown[] = [];
  let count = 3;
  let answered = 0;
  const replicas = () =>
    Array.from({ length: count }, (_, n) => ({ name: `r${n}`, ready: true, zone: zoneOf(n) }) as unknown as Replica);
  const lab = {
    system: experiment.system,
    target: { replicas: async () => replicas(), nodes: async () => ZONES.map((zone) => ({ zone })) },
    during: async (name: string, work: () => Promise<void>) => {
      told.push(`${name}.start`);
      await work();
      told.push(`${name}.end`);
    },
    setRate: (perSecond: number) => {
      told.push(perSecond);
      count = Math.min(most, Math.max(3, Math.ceil(perSecond / autoscaling.requestsPerSecondTarget)));
    },
    mark: (name: string) => told.push(name),
    measured: (name: string, { said: sentence }: { said: string }) => told.push(`${name}: ${sentence}`),
    pass: async () => void (answered += 100),
    stats: () => ({ servedBy: Object.fromEntries(replicas().map(({ name }, n) => [name, answered * (n + 1)])) }),
    until: async (what: string, { holds }: { holds: () => Promise<boolean> }) => {
      if (!(await holds())) throw new NotInTime(`waited for ${what}`);
    },
  } as unknown as Lab;
  return { lab, told };
}

test("the load goes up until all expected replicas are ready, is shared, and goes back down", async () => {
  const { lab, told } = labWhere();
  await experiment.method(lab);
  expect(told).toEqual([
    "step-up.start",
    118,
    "scaled-out",
    "step-up.end",
    "share: while 5 replicas shared the load, the busiest answered 33.3 % of it and the idlest 6.7 % (5 to 1)",
    "step-down.start",
    68,
    "scaled-in",
    "step-down.end",
  ]);
});

test("a scaler that does not come to the expected number, or leaves a zone empty, does not get the method done", async () => {
  await expect(experiment.method(labWhere({ most: 4 }).lab)).rejects.toThrow("waited for 5 replicas to be ready");
  const { lab, told } = labWhere({ zoneOf: (n) => (n < 3 ? "zone-a" : ZONES[n % 3]) });
  await expect(experiment.method(lab)).rejects.toThrow("waited for a ready replica in every zone");
  expect(told.at(-1)).toBe("scaled-in");
});

test("the rates leave the scaler no doubt: 10 % off its target it does nothing", () => {
  const [low, high, target] = [facts.load.ratePerSecond, 118, autoscaling.requestsPerSecondTarget];
  // Five carry it, four would be told to be more, and the least carry the low rate with some to spare.
  expect(Math.ceil(high / target)).toBe(5);
  expect(high / (4 * target)).toBeGreaterThan(1.12);
  expect(high / (5 * target)).toBeGreaterThan(0.92);
  expect(high / (5 * target)).toBeLessThan(0.98);
  expect(low / (autoscaling.minReplicas * target)).toBeLessThan(0.92);
  expect(autoscaling.maxReplicas).toBeGreaterThan(5);
});

test("a replica that goes, as one of five, has more than twice the sockets that the lab asks for", () => {
  const usedIn2s = Math.min(facts.load.persistentSockets, (facts.load.ratePerSecond / 2) * 2);
  expect(usedIn2s / 5).toBeGreaterThan(2 * (rule.minSocketsPerVictim ?? 0));
});

test("0 failed either way; out within 90 s; in within what window, policy, looks and grace add up to", () => {
  expect(rule).toMatchObject({
    kind: "planned",
    minScheduledInWindows: 1000,
    minSent: 8000,
    minPersistentSockets: 50,
    minSocketsPerVictim: 5,
    victims: ["replica.ending"],
  });
  expect(rule.windows.map(({ name }) => name)).toEqual(["starting", "ending"]);
  expect(rule.deadlines).toContainEqual({
    name: "scaled out",
    from: "step-up.start",
    to: "scaled-out",
    withinMs: 90_000,
  });
  // 20 + 5 of metric, 15 + 15 + 15 to decide, 3 x (15 + 15) for four replicas, 26 of grace and 3 until it is told.
  expect(rule.deadlines).toContainEqual({
    name: "scaled in",
    from: "step-down.start",
    to: "scaled-in",
    withinMs: 189_000,
  });
  expect(said).toContain("back at 3 within 189 s");
  // Both deadlines, the hold and the zones fit into the method's time.
  expect(experiment.methodWithinSeconds).toBeGreaterThan(90 + 18 + 20 + 189 + 10);
});

test("the two modes differ in who reads the metric, and in nothing that is claimed", () => {
  const other = experimentOn(scaleOutAndInByHpa, "kind");
  expect([experiment.id, other.id]).toEqual(["E8", "E8b"]);
  expect(other.system).toEqual({
    ...experiment.system,
    catalogue: { ...experiment.system.catalogue, autoscaling: { ...autoscaling, mode: "hpa" } },
  });
  expect(other.pass(factsOf(other, "kind"))).toEqual(experiment.pass(facts));
  expect(other.controls.map(({ change }) => change)).toEqual([
    { path: "catalogue.shutdown.enabled", from: true, to: false },
  ]);
});

test("the share of a replica that answered nothing is said, and is no ratio", () => {
  expect(
    shareOf([
      ["a", 30],
      ["b", 0],
    ]),
  ).toEqual({
    said: "while 2 replicas shared the load, the busiest answered 100 % of it and the idlest 0 %",
    shares: { a: 1, b: 0 },
  });
  expect(
    shareOf([
      ["a", 3],
      ["b", 2],
    ]),
  ).toMatchObject({ shares: { a: 0.6, b: 0.4 }, ratio: 1.5 });
});
