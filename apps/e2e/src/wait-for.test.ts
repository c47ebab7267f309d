import type { Kubectl } from "@holdfast/cluster";
import { expect, test } from "vitest";
import { waitFor } from "./wait-for.ts";

interface Thing {
  metadata: { uid: string };
  ready: boolean;
}
type Feed = (type: "ADDED" | "MODIFIED" | "DELETED", object: Thing) => void;
type WatchOf = Parameters<Kubectl["watch"]>[1];

/** A watch that says what the test wants, and whether it was stopped. */
function planted() {
  let handlers: WatchOf | undefined;
  const state = { stopped: false };
  const kubectl = {
    watch(_args: readonly string[], opts: WatchOf) {
      handlers = opts;
      return {
        async stop() {
          state.stopped = true;
        },
      };
    },
  } as Pick<Kubectl, "watch">;
  const feed: Feed = (type, object) => handlers?.onEvent({ type, object: object as never });
  const end = (error?: Error) => handlers?.onEnd(error);
  return { kubectl, feed, end, state };
}

const thing = (uid: string, ready: boolean): Thing => ({ metadata: { uid }, ready });
const bothReady = (things: readonly Thing[]) =>
  things.length === 2 && things.every(({ ready }) => ready) ? things.length : undefined;
const opts = (more: { withinSeconds?: number; signal?: AbortSignal } = {}) => ({
  args: ["things"],
  until: bothReady,
  withinSeconds: 60,
  otherwise: (things: readonly Thing[]) => new Error(`only ${things.length}`),
  signal: new AbortController().signal,
  ...more,
});

test("it ends with the state that was waited for, out of what is there at that moment", async () => {
  const { kubectl, feed, state } = planted();
  const waiting = waitFor<Thing, number>(kubectl, opts());
  feed("ADDED", thing("a", true));
  feed("ADDED", thing("gone", false));
  feed("ADDED", thing("b", false));
  feed("DELETED", thing("gone", false));
  feed("MODIFIED", thing("b", true));
  await expect(waiting).resolves.toBe(2);
  expect(state.stopped).toBe(true);
});

test("it ends with the caller's error when the time is over, and knows what was seen last", async () => {
  const { kubectl, feed, state } = planted();
  const waiting = waitFor<Thing, number>(kubectl, opts({ withinSeconds: 0.01 }));
  feed("ADDED", thing("a", true));
  await expect(waiting).rejects.toThrow("only 1");
  expect(state.stopped).toBe(true);
});

test("what the question throws, an abort and the end of the watch end it too", async () => {
  const abort = new AbortController();
  const aborted = waitFor<Thing, number>(planted().kubectl, opts({ signal: abort.signal }));
  abort.abort(new Error("Ctrl-C"));
  await expect(aborted).rejects.toThrow("Ctrl-C");

  const { kubectl, end } = planted();
  const ended = waitFor<Thing, number>(kubectl, opts());
  end(new Error("the API server is gone"));
  await expect(ended).rejects.toThrow("the API server is gone");
});
