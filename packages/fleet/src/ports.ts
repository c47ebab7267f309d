import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { randomInt } from "node:crypto";
import { FleetError } from "./errors.ts";

/** A port that is ours until it is released; whoever holds it may listen on it by TCP at any time. */
export interface PortReservation {
  readonly port: number;
  release(): void;
}

export interface Ports {
  /** Any free port. Throws FLEET_NO_FREE_PORT. */
  reserve(): Promise<PortReservation>;
  /** This very port. Throws FLEET_PORT_TAKEN. */
  claim(port: number): Promise<PortReservation>;
}

/**
 * Below the ranges from which Linux (32768-60999) and macOS (49152-65535) take the local ports of outgoing connections: a client under
 * load can then neither take a replica's port before the replica listens on it, nor connect to itself while nobody listens.
 */
const firstPort = 20_000;
const lastPort = 32_767;
const attempts = 300;

/**
 * Hands out ports without races. A port is held by a *UDP* socket of the same number: it keeps every other fleet of this machine off,
 * is freed by the kernel if this process dies, and leaves TCP to the replica, so there is no gap between finding and listening.
 * No port is handed out twice before half of all have been used: a late connection meant for a dead replica never meets its successor.
 *
 * @param opts.candidate which number to try next; random by default
 */
export function createPorts(opts: { candidate?: () => number } = {}): Ports {
  const outgoing = outgoingRange();
  const candidate = opts.candidate ?? (() => randomInt(firstPort, lastPort + 1));
  const used = new Set<number>();

  async function reserve(): Promise<PortReservation> {
    if (used.size > (lastPort - firstPort) / 2) used.clear();
    for (let attempt = 0; attempt < attempts; attempt++) {
      const port = candidate();
      // Where the outgoing range was widened over ours, a port inside it is still better than none.
      const avoided = outgoing.first <= port && port <= outgoing.last && attempt < attempts / 2;
      if (used.has(port) || avoided) continue;
      const reservation = await tryReserve(port);
      if (reservation === undefined) continue;
      used.add(port);
      return reservation;
    }
    throw new FleetError(
      "FLEET_NO_FREE_PORT",
      `No free port was found between ${firstPort} and ${lastPort} in ${attempts} attempts. End what listens there and try again.`,
    );
  }

  async function claim(port: number): Promise<PortReservation> {
    const reservation = await tryReserve(port);
    if (reservation === undefined) {
      throw new FleetError(
        "FLEET_PORT_TAKEN",
        `Port ${port} is taken. End what listens there, or choose another port (0 = any free one).`,
      );
    }
    return reservation;
  }

  return { reserve, claim };
}

async function tryReserve(port: number): Promise<PortReservation | undefined> {
  const lock = await bindUdp(port);
  if (lock === undefined) return undefined;
  // Linux refuses either when the other is listened on; macOS needs both questions.
  if ((await isListenable(port, "127.0.0.1")) && (await isListenable(port, "0.0.0.0"))) {
    let held = true;
    return {
      port,
      release() {
        if (held) lock.close();
        held = false;
      },
    };
  }
  lock.close();
  return undefined;
}

function bindUdp(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(socket));
  });
}

function isListenable(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function outgoingRange(): { first: number; last: number } {
  try {
    const [first = 0, last = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
      .trim()
      .split(/\s+/)
      .map(Number);
    return { first, last };
  } catch {
    // Not Linux: the default range of macOS lies above ours.
    return { first: 49_152, last: 65_535 };
  }
}
