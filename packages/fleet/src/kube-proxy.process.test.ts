import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { createKubeProxy } from "./kube-proxy.ts";
import type { KubeProxy, KubeProxyOptions } from "./kube-proxy.ts";
import { createPorts } from "./ports.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Backend {
  port: number;
  /** Connections, oldest first; next() waits for one. */
  sockets: Socket[];
  next(): Promise<Socket>;
  close(): void;
}

async function backend(onConnection: (socket: Socket) => void = () => undefined): Promise<Backend> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  cleanups.push(close);
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    next: async () => sockets.at(-1) ?? ((await once(server, "connection"))[0] as Socket),
    close,
  };
}

/** A proxy with the given backends, of which none is learnt yet. */
async function proxy(opts: Partial<KubeProxyOptions> = {}) {
  const service = await createPorts().reserve();
  const heard = { connections: [] as Record<string, number>[], applied: [] as string[][], portTaken: [] as string[] };
  let applied: (() => void) | undefined;
  const kubeProxy: KubeProxy = createKubeProxy({
    port: service.port,
    lagMs: 0,
    linkDelayMs: 0,
    onApplied(_, backends) {
      heard.applied.push(backends);
      applied?.();
    },
    onPortTaken: (message) => heard.portTaken.push(message),
    onConnections: (open) => heard.connections.push(open),
    ...opts,
  });
  cleanups.push(
    () => service.release(),
    () => kubeProxy.close({ withinMs: 0 }),
  );
  let generation = 0;

  function learn(backends: Record<string, number>): Promise<void> {
    const done = new Promise<void>((resolve) => (applied = resolve));
    const endpoints = Object.entries(backends).map(([name, port]) => {
      return { name, port, ready: true, serving: true, terminating: false };
    });
    kubeProxy.learn((generation += 1), endpoints);
    return done;
  }
  async function client(): Promise<Socket> {
    const socket = connect({ port: service.port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    socket.on("error", () => undefined);
    cleanups.push(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  }
  return { ...kubeProxy, port: service.port, heard, learn, client };
}

/** A connection to the one backend there is, both ends of it. */
async function joined(opts: Partial<KubeProxyOptions> = {}) {
  const service = await proxy(opts);
  const behind = await backend();
  await service.learn({ behind: behind.port });
  const client = await service.client();
  const server = await behind.next();
  // Both ends can be connected before the proxy between them, in this same event loop, has heard of it.
  server.write("hello");
  await received(client, "hello");
  return { service, behind, client, server };
}

/** How a socket ends: what it still received, and FIN or RST. */
async function ending(socket: Socket): Promise<{ by: "FIN" | "RST"; received: string }> {
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => (received += text));
  return new Promise((resolve) => {
    socket.once("end", () => resolve({ by: "FIN", received }));
    socket.once("error", (error) => {
      resolve({ by: (error as NodeJS.ErrnoException).code === "ECONNRESET" ? "RST" : "FIN", received });
    });
  });
}

/** Resolves when exactly this has arrived; nothing more is read after it. */
async function received(socket: Socket, text: string): Promise<void> {
  let got = "";
  for (;;) {
    const data: Buffer | string | null = socket.read(text.length - got.length);
    if (data === null) await once(socket, "readable");
    else got += String(data);
    if (got === text) return;
  }
}

async function connectError(port: number): Promise<string | undefined> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    socket.destroy();
  }
}

describe("choosing", () => {
  test("each connection goes to a random ready backend", async () => {
    const service = await proxy();
    const [a, b] = [await backend((socket) => socket.end("a")), await backend((socket) => socket.end("b"))];
    await service.learn({ a: a.port, b: b.port });
    const answers = await Promise.all(
      Array.from({ length: 60 }, async () => (await ending(await service.client())).received),
    );
    const share = answers.filter((answer) => answer === "a").length;
    // 60 fair coins: outside 10..50 once in ten million runs.
    expect(share).toBeGreaterThan(10);
    expect(share).toBeLessThan(50);
    expect(answers.filter((answer) => answer === "b")).toHaveLength(60 - share);
  });

  test("a connection stays with its backend when that is no endpoint any more; new ones go elsewhere", async () => {
    const { service, client, server } = await joined();
    const other = await backend((socket) => socket.end("other"));
    await service.learn({ other: other.port });
    client.write("still there?");
    await received(server, "still there?");
    server.write("yes");
    await received(client, "yes");
    expect((await ending(await service.client())).received).toBe("other");
  });

  test("without endpoints connecting is refused, what is connected goes on, and it comes back", async () => {
    const { service, behind, client, server } = await joined();
    await service.learn({});
    expect(await connectError(service.port)).toBe("ECONNREFUSED");
    client.write("ping");
    await received(server, "ping");
    await service.learn({ behind: behind.port });
    expect(await connectError(service.port)).toBeUndefined();
  });

  test("a chosen backend that is dead fails the connection and no other is tried", async () => {
    const service = await proxy({ random: () => 0 });
    const [dead, alive] = [await backend(), await backend()];
    dead.close();
    await service.learn({ dead: dead.port, alive: alive.port });
    for (let i = 0; i < 5; i++) expect((await ending(await service.client())).by).toBe("RST");
    expect(alive.sockets).toHaveLength(0);
  });

  test("a change of endpoints works after the lag, and without lag at once", async () => {
    for (const lagMs of [0, 150]) {
      const service = await proxy({ lagMs });
      const [before, after] = [await backend((s) => s.end("before")), await backend((s) => s.end("after"))];
      await service.learn({ before: before.port });
      const learntMs = performance.now();
      const applied = service.learn({ after: after.port });
      expect((await ending(await service.client())).received).toBe(lagMs === 0 ? "after" : "before");
      await applied;
      expect(performance.now() - learntMs).toBeGreaterThanOrEqual(lagMs === 0 ? 0 : lagMs - 2);
      expect((await ending(await service.client())).received).toBe("after");
    }
  });

  test("several changes in a row count only when somebody can connect", async () => {
    const service = await proxy();
    const behind = await backend();
    const first = service.learn({ behind: behind.port });
    const second = service.learn({ behind: behind.port, other: behind.port });
    expect(service.heard.applied).toEqual([]);
    await Promise.race([first, second]);
    expect(service.heard.applied).toEqual([["behind", "other"]]);
    expect(await connectError(service.port)).toBeUndefined();
  });

  test("connections are counted by backend until the backend's side is closed", async () => {
    const { service, client, server } = await joined();
    await expect.poll(() => service.heard.connections.at(-1)).toEqual({ behind: 1 });
    client.end();
    server.end();
    await expect.poll(() => service.heard.connections.at(-1)).toEqual({});
  });

  test("a port that somebody else took meanwhile is told and taken again when it is free", async () => {
    const service = await proxy();
    const thief = createServer().listen(service.port, "127.0.0.1");
    cleanups.push(() => thief.close());
    await once(thief, "listening");
    const behind = await backend((socket) => socket.end("mine"));
    const applied = service.learn({ behind: behind.port });
    await expect.poll(() => service.heard.portTaken.length).toBeGreaterThan(0);
    thief.close();
    await applied;
    expect((await ending(await service.client())).received).toBe("mine");
  });
});

describe("carrying", () => {
  test("a client that has said its last still gets its answer", async () => {
    const { client, server } = await joined();
    client.end("question");
    expect(await ending(server)).toEqual({ by: "FIN", received: "question" });
    server.end("answer");
    expect(await ending(client)).toEqual({ by: "FIN", received: "answer" });
  });

  test("a backend that has said its last still hears the client", async () => {
    const { client, server } = await joined();
    server.end("goodbye");
    expect(await ending(client)).toEqual({ by: "FIN", received: "goodbye" });
    client.end("but");
    expect(await ending(server)).toEqual({ by: "FIN", received: "but" });
  });

  test("an abort reaches the other side as an abort, either way, after what was sent before", async () => {
    for (const linkDelayMs of [0, 20]) {
      const toServer = await joined({ linkDelayMs });
      const serverEnds = ending(toServer.server);
      toServer.client.write("half a quest", () => toServer.client.resetAndDestroy());
      expect(await serverEnds).toEqual({ by: "RST", received: "half a quest" });

      const toClient = await joined({ linkDelayMs });
      const clientEnds = ending(toClient.client);
      toClient.server.write("half an ans", () => toClient.server.resetAndDestroy());
      expect(await clientEnds).toEqual({ by: "RST", received: "half an ans" });
    }
  });

  test.each(["up", "down"] as const)(
    "a reader that does not read holds its sender back (%s), and nothing is lost",
    async (way) => {
      const { client, server } = await joined();
      const [from, to] = way === "up" ? [client, server] : [server, client];
      const chunk = Buffer.alloc(1024 * 1024, "x");
      const total = 64;
      let sent = 0;
      const sending = (async () => {
        for (; sent < total; sent++) if (!from.write(chunk)) await once(from, "drain");
        from.end();
      })();
      // Held back: what lies in the kernel's and our buffers stops growing well below everything.
      let before = -1;
      while (sent !== before) {
        before = sent;
        await sleep(100);
      }
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThan(total / 2);

      let bytes = 0;
      to.on("data", (data: Buffer) => (bytes += data.length));
      await Promise.all([sending, once(to, "end")]);
      expect(bytes).toBe(total * chunk.length);
    },
  );

  test("at the end what is on its way still arrives", async () => {
    const { service, client, server } = await joined({ linkDelayMs: 100 });
    const ends = ending(client);
    server.write("last words");
    await sleep(20);
    await service.close({ withinMs: 1_000 });
    expect((await ends).received).toBe("last words");
  });
});

describe("a link with a delay", () => {
  test("takes that long each way and keeps the order", async () => {
    const linkDelayMs = 60;
    const { client, server } = await joined({ linkDelayMs });
    const sentMs = performance.now();
    const arrives = ending(server).then((end) => ({ ...end, tookMs: performance.now() - sentMs }));
    for (let i = 0; i < 10; i++) client.write(`${i} `);
    client.end("end");
    const { received, tookMs } = await arrives;
    expect(received).toBe("0 1 2 3 4 5 6 7 8 9 end");
    expect(tookMs).toBeGreaterThanOrEqual(linkDelayMs - 2);
    expect(tookMs).toBeLessThan(linkDelayMs * 4);
  });

  test("a request meets a FIN on its way, which loopback never shows", async () => {
    async function race(linkDelayMs: number) {
      const { client, server } = await joined({ linkDelayMs });
      let heard = false;
      let answered = false;
      client.on("end", () => (heard = true)).on("data", () => (answered = true));
      // As a server that closes an idle connection: what comes after that is not answered.
      server.resume().destroy();
      await sleep(25);
      const knewBefore = heard;
      if (!knewBefore) client.write("request");
      await sleep(linkDelayMs * 3);
      return { knewBefore, heard, answered };
    }
    expect(await race(50)).toEqual({ knewBefore: false, heard: true, answered: false });
    expect(await race(0)).toEqual({ knewBefore: true, heard: true, answered: false });
  });

  test("nothing reaches a backend before the three packets of a connect could have", async () => {
    const linkDelayMs = 40;
    const service = await proxy({ linkDelayMs });
    const times: number[] = [];
    const behind = await backend((socket) => {
      times.push(performance.now());
      socket.once("data", () => times.push(performance.now()));
    });
    await service.learn({ behind: behind.port });
    const startMs = performance.now();
    (await service.client()).write("hello");
    await expect.poll(() => times.length).toBe(2);
    const [connected = 0, data = 0] = times;
    expect(connected - startMs).toBeGreaterThanOrEqual(linkDelayMs - 2);
    expect(data - startMs).toBeGreaterThanOrEqual(3 * linkDelayMs - 6);
  });
});
