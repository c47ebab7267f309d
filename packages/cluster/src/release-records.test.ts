import { expect, it } from "vitest";
import { isUnfinished, judgeRecords, maker, MAKER_LABEL } from "./release-records.ts";

const now = Date.parse("2026-01-01T00:10:00Z");
const secondsAgo = (seconds: number) => new Date(now - seconds * 1000).toISOString();

function record(name: string, opts: { seconds: number; maker?: string }) {
  const labels = { status: "pending-upgrade", ...(opts.maker === undefined ? {} : { [MAKER_LABEL]: opts.maker }) };
  return { metadata: { name, labels, creationTimestamp: secondsAgo(opts.seconds) } };
}

const judge = (...records: ReturnType<typeof record>[]) =>
  judgeRecords(records, { nowMs: now, isAlive: (pid) => pid === 11 });

it("leaves the record of an operation whose maker lives, and one of which nothing is known, until Helm has given up", () => {
  expect(judge(record("live", { seconds: 10, maker: maker(11) }), record("unknown", { seconds: 100 }))).toEqual({
    dead: [],
    alive: ["live", "unknown"],
  });
  expect(judge(record("live", { seconds: 151, maker: maker(11) }), record("unknown", { seconds: 151 })).alive).toEqual(
    [],
  );
});

it("drops at once what a process of this machine has left that is dead, or is this one", () => {
  expect(
    judge(
      record("killed", { seconds: 1, maker: maker(12) }),
      record("own", { seconds: 1, maker: maker() }),
      record("elsewhere", { seconds: 1, maker: maker(12, "another-machine") }),
    ),
  ).toEqual({ dead: ["killed", "own"], alive: ["elsewhere"] });
});

it("names a maker as a label's value may read, whatever the machine is called", () => {
  expect(maker(7, "Ana's Mac_Book.local")).toBe("7.ana-s-mac-book-local");
  expect(maker(7, "x".repeat(80))).toHaveLength(63);
  expect(maker(7, `${"x".repeat(60)}.abc`)).toMatch(/^[a-z0-9.-]{1,62}[a-z0-9]$/);
});

it("looks only at revisions that are under way", () => {
  const meta = { name: "x", creationTimestamp: "" };
  expect(isUnfinished({ metadata: { ...meta, labels: { status: "pending-install" } } })).toBe(true);
  expect(isUnfinished({ metadata: { ...meta, labels: { status: "deployed" } } })).toBe(false);
});
