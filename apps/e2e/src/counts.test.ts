import type { WatchOptions } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { countsDuring } from "./counts.ts";

type Options = WatchOptions<{ spec: { replicas: number } }>;

/** A room whose API server is the test. */
function room(begin: (options: Options) => void) {
  return {
    namespace: "n",
    json: <T>() => Promise.resolve({ spec: { replicas: 4 } } as T),
    cluster: {
      kubectl: {
        watch<T>(_: readonly string[], options: WatchOptions<T>) {
          begin(options as unknown as Options);
          return { stop: () => Promise.resolve() };
        },
      },
    },
  };
}
const count = (replicas: number) => ({ type: "MODIFIED" as const, object: { spec: { replicas } } });

test("the work begins when the stream runs, and every count of it is seen", async () => {
  let options: Options | undefined;
  let worked = false;
  const counts = countsDuring(
    room((given) => (options = given)),
    "stock",
    async () => {
      worked = true;
      options?.onEvent(count(3));
    },
  );
  expect(worked).toBe(false);
  options?.onEvent(count(4));
  expect(await counts).toEqual([4, 3, 4]);
});

test("a gap, an end, or a stream that told nothing is too little to say that nothing changed", async () => {
  const gap = room((options) => {
    options.onEvent(count(4));
    options.onGap?.({ fromMs: 0, lengthMs: 900, reason: "EOF" });
  });
  await expect(countsDuring(gap, "stock", async () => {})).rejects.toThrow(
    "Not every moment of stock was seen: for 900 ms",
  );
  const dead = room((options) => options.onEnd(new Error("no stream")));
  await expect(countsDuring(dead, "stock", async () => {})).rejects.toThrow("ended before it told anything");
});
