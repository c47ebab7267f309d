import { ClusterError } from "@holdfast/cluster";
import { expect, test } from "vitest";
import type { Room } from "./room.ts";
import { spansOf } from "./stored.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

function roomWhere(trouble: Error) {
  const kubectl = { run: () => Promise.reject(trouble) };
  const cluster = { name: "holdfast", ports: { traces: 0 }, kubectl };
  return { cluster, signal: new AbortController().signal } as unknown as Pick<Room, "cluster" | "signal">;
}

test("while the gateway that keeps spans is away there are none", async () => {
  expect(await spansOf(roomWhere(new ClusterError("TOOL_FAILED", "no pod")), TRACE)).toEqual([]);
});

test("any other trouble is one", async () => {
  await expect(spansOf(roomWhere(new ClusterError("TIMEOUT", "late")), TRACE)).rejects.toThrow("late");
});
