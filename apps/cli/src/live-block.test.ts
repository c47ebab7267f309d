import { expect, test } from "vitest";
import { drawLiveBlock } from "./live-block.ts";
import { unpainted, type Paint } from "./paint.ts";
import { sampleReplica, sampleSnapshot } from "./snapshot.fixture.ts";
import type { Snapshot } from "./snapshot.ts";

function draw(
  opts: { columns?: number; rows?: number; help?: boolean; snapshot?: Snapshot; paint?: Paint } = {},
): string {
  const { columns = 80, rows = 24, help = false, snapshot = sampleSnapshot(), paint = unpainted } = opts;
  return drawLiveBlock(snapshot, { room: { columns, rows, help }, paint });
}

test("at 80 columns it shows replicas, numbers, what happened and the keys", () => {
  expect(draw()).toBe(
    `
  Holdfast  http://localhost:8080                                  up 1 min 24 s

    CATALOGUE               STATE        VERSION    PID  RESTARTS  REQUESTS
  ● catalogue-6f4d9c-x2k9q  ready        v2       40118         0       412
  ◐ catalogue-6f4d9c-b7wzn  starting     v2       40167         0         0
  ● catalogue-58c7bd-m4tqs  ready        v1       39902         1     1 371
  ◐ catalogue-58c7bd-hj8rd  terminating  v1       39905         0     1 402

    STOCK
  ● stock-7bb8d5-lp2xv      ready        v1       39911         0       640

  ▁▄▄▄▄▄▄▄▄▄▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  ▁ all answered  ▄ degraded  █ failed
  1 640 sent · 1 597 answered · 40 degraded · 3 failed: 2 refused, 1 reset
  20 requests/s   p50 23 ms   p99 41 ms   over 10 ms of network each way

    23 s ago  you killed catalogue-58c7bd-m4tqs (SIGKILL)
    22 s ago  catalogue-58c7bd-m4tqs died (SIGKILL)
     3 s ago  catalogue: rolling out v2, each new replica ready before an old o…
     2 s ago  catalogue-6f4d9c-x2k9q is ready after 880 ms
     2 s ago  catalogue-58c7bd-hj8rd is told to end (rollout) and drains

  r roll out  k kill  + - scale  b break  h heal  o overload  ? help  q quit`,
  );
});

test.for([20, 30, 40, 57, 60, 72, 80, 100, 120, 200])(
  "no line is wider than %i columns, and none ends in blanks",
  (columns) => {
    for (const help of [false, true]) {
      for (const line of draw({ columns, help }).split("\n")) {
        expect(line.length).toBeLessThanOrEqual(columns);
        expect(line).toBe(line.trimEnd());
      }
    }
  },
);

test.for([13, 16, 18, 24, 50])(
  "it leaves the cursor its row in %i rows, and the numbers and keys always show",
  (rows) => {
    for (const help of [false, true]) {
      const text = draw({ rows, help });
      expect(text.split("\n").length).toBeLessThan(rows);
      expect(text).toContain("3 failed: 2 refused, 1 reset");
      expect(text).toContain("q quit");
    }
  },
);

test("a narrow terminal keeps names, states and failures, and loses columns by their worth", () => {
  const text = draw({ columns: 60 });
  expect(text).toMatch(/STATE +PID +REQUESTS\n/);
  expect(text).toContain("  40 degraded · 3 failed: 2 refused, 1 reset\n");
  expect(text).toContain("r k + - b h o ? q");
  expect(draw({ columns: 36 })).toMatch(/catalogue-6f…-x2k9q {2}ready\n/);
});

test("twenty replicas fit: those that do not show are counted", () => {
  const replicas = Array.from({ length: 20 }, (_, i) => sampleReplica({ name: `catalogue-${i}` }));
  const snapshot = sampleSnapshot({ services: [{ name: "catalogue", wanted: 20, replicas }] });
  const text = draw({ snapshot, rows: 20 });
  expect(text.split("\n").length).toBeLessThan(20);
  expect(text).toMatch(/and \d+ more/);
});

test("states differ without colours", () => {
  const replicas = ["ready", "starting", "backoff"].map((state) =>
    sampleReplica({ name: `catalogue-${state}`, state }),
  );
  const text = draw({ snapshot: sampleSnapshot({ services: [{ name: "catalogue", wanted: 3, replicas }] }) });
  expect(text).toMatch(/● catalogue-ready/);
  expect(text).toMatch(/◐ catalogue-starting/);
  expect(text).toMatch(/○ catalogue-backoff/);
});

test("a service without replicas says so and why", () => {
  const services = [{ name: "stock", wanted: 0, note: "taken away by you", replicas: [] }];
  expect(draw({ snapshot: sampleSnapshot({ services }) })).toContain("○ none  taken away by you");
});

test("before the first answer there are no latencies to show", () => {
  const { load } = sampleSnapshot();
  const { p50Ms: _, p99Ms: _p99, ...early } = load;
  expect(draw({ snapshot: sampleSnapshot({ load: { ...early, seconds: [] } }) })).toContain("p50 -   p99 -");
});

test("help takes the place of what happened", () => {
  const text = draw({ help: true, rows: 30 });
  expect(text).toContain("roll out a new version, one replica at a time (./holdfast rollout)");
  expect(text).not.toContain("s ago");
});

test("while it drains it says how to hurry, and no keys", () => {
  const text = draw({ snapshot: sampleSnapshot({ phase: "stopping" }) });
  expect(text).toContain("draining; Ctrl-C again ends it at once");
  expect(text).not.toContain("r roll out");
});

test("colours change no width, and failures are not dressed as successes", () => {
  const tones: string[] = [];
  draw({
    paint: (tone, text) => {
      if (text.includes("failed: 2")) tones.push(tone);
      return text;
    },
  });
  expect(tones).toEqual(["bad"]);
});
