import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createPorts } from "./ports.ts";
import type { PortReservation } from "./ports.ts";

const held: PortReservation[] = [];
afterEach(() => {
  for (const reservation of held.splice(0)) reservation.release();
});

function hold(reservation: PortReservation): number {
  held.push(reservation);
  return reservation.port;
}

/** Numbers that are as good as any other, but the same for all who ask. */
function countingFrom(first: number): () => number {
  let next = first;
  return () => next++;
}

test("two that look in the same places at the same time never get the same port", async () => {
  const first = 20_000 + Math.floor(Math.random() * 10_000);
  const rivals = [createPorts({ candidate: countingFrom(first) }), createPorts({ candidate: countingFrom(first) })];
  const ports = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => hold(await (rivals[i % 2] as (typeof rivals)[number]).reserve())),
  );
  expect(new Set(ports).size).toBe(60);
});

test("a reserved port can be listened on at once, by whoever was given it", async () => {
  const port = hold(await createPorts().reserve());
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  expect(server.address()).toMatchObject({ port });
  server.close();
});

test("a port that somebody listens on is passed over, or refused when asked for by number", async () => {
  const port = hold(await createPorts().reserve());
  held.splice(0).forEach((reservation) => reservation.release());
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  try {
    expect(hold(await createPorts({ candidate: countingFrom(port) }).reserve())).toBeGreaterThan(port);
    await expect(createPorts().claim(port)).rejects.toEqual(
      expect.objectContaining({ code: "FLEET_PORT_TAKEN", message: expect.stringContaining(`Port ${port} is taken`) }),
    );
  } finally {
    server.close();
  }
});

test("a port is not handed out again while others are left, even when it was released", async () => {
  const ports = createPorts({ candidate: () => 20_000 + Math.floor(Math.random() * 40) });
  const given = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const reservation = await ports.reserve();
    reservation.release();
    expect(given).not.toContain(reservation.port);
    given.add(reservation.port);
  }
});

test("when none is free it says so", async () => {
  const port = hold(await createPorts().reserve());
  await expect(createPorts({ candidate: () => port }).reserve()).rejects.toEqual(
    expect.objectContaining({ code: "FLEET_NO_FREE_PORT" }),
  );
});
