/** What becomes of connections and requests while a process drains. */
import { expect, test } from "vitest";

import { get } from "./testing/http-get.ts";
import { connectClient } from "./testing/raw-client.ts";
import { hasBegun, isExit, isPhase, isPhaseEnd, startServing } from "./testing/replica.ts";

test.concurrent("a persistent client that rests is told to go by its next answer; with announceSeconds 0 it is cut off instead", async () => {
  const told = await startServing({ lifecycle: { announceSeconds: 5 } });
  const client = await connectClient(told.port);
  client.get("/first");
  expect((await client.response()).headers["connection"]).toBe("keep-alive");
  told.kill("SIGTERM");
  await told.line(isPhase("announce", "start"));
  client.get("/second");
  expect((await client.response()).headers["connection"]).toBe("close");
  expect(await client.closed).toBe("end");
  // That was the last connection, so the announcement ends long before its 5 s.
  expect(await told.line(isPhaseEnd("announce"))).toMatchObject({ outcome: "done" });
  expect(await told.exited).toMatchObject({ code: 0 });

  const cut = await startServing({ lifecycle: { announceSeconds: 0 } });
  const victim = await connectClient(cut.port);
  victim.get("/first");
  await victim.response();
  cut.kill("SIGTERM");
  await victim.closed;
  expect(cut.lines.find(isPhaseEnd("announce"))).toMatchObject({ outcome: "deadline", connections: 1 });
  await cut.exited;
});

test.concurrent("slow requests that began before SIGTERM are told to close and completed", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 1 } });
  const paths = ["/slow?ms=1500", "/explicit?ms=1500", "/list?ms=1500", "/hints?ms=1500"];
  const clients = await Promise.all(paths.map(() => connectClient(replica.port)));
  clients.forEach((client, i) => client.get(paths[i] ?? ""));
  const hints = await clients[3]?.response();
  await Promise.all(paths.map((path) => replica.line(hasBegun(path))));
  replica.kill("SIGTERM");

  const responses = await Promise.all(clients.map((client) => client.response()));
  expect(responses.map((response) => response.status)).toEqual([200, 200, 200, 200]);
  expect(responses.map((response) => response.headers["connection"])).toEqual(["close", "close", "close", "close"]);
  expect(responses[1]?.headers).toMatchObject({ "x-kept": "yes" });
  expect(responses[1]?.headers).not.toHaveProperty("keep-alive");
  expect(responses[2]?.headers).toMatchObject({ "x-kept": "yes", "set-cookie": "a=1" });
  expect(hints).toMatchObject({ status: 103, headers: { link: "</style.css>; rel=preload" } });
  expect(hints?.headers).not.toHaveProperty("connection");
  expect(await Promise.all(clients.map((client) => client.closed))).toEqual(["end", "end", "end", "end"]);
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("an HTTP/1.0 request is answered during the announcement", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 5 } });
  const idle = await connectClient(replica.port);
  idle.get("/hold");
  await idle.response();
  replica.kill("SIGTERM");
  await replica.line(isPhase("announce", "start"));
  const client = await connectClient(replica.port);
  client.write("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect(await client.response()).toMatchObject({ status: 200, headers: { connection: "close" } });
  expect(await client.closed).toBe("end");
  idle.destroy();
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("new connections are accepted during lag and announcement, the probes say draining all the time", async () => {
  const replica = await startServing({ lifecycle: { lagSeconds: 1, announceSeconds: 5 } });
  const idle = await connectClient(replica.port);
  idle.get("/hold");
  await idle.response();
  replica.kill("SIGTERM");

  await replica.line(isPhase("lag", "start"));
  const duringLag = await connectClient(replica.port);
  duringLag.get("/lag");
  // The endpoint still sends here: a client that is sent away now would only come back.
  expect(await duringLag.response()).toMatchObject({ status: 200, headers: { connection: "keep-alive" } });

  await replica.line(isPhase("announce", "start"));
  for (const path of ["/a", "/b", "/c"]) {
    const client = await connectClient(replica.port);
    client.get(path);
    expect(await client.response()).toMatchObject({ status: 200, headers: { connection: "close" } });
    expect(await client.closed).toBe("end");
  }
  expect(await get(replica.adminPort, "/readyz")).toMatchObject({ status: 503 });
  expect(await get(replica.adminPort, "/livez")).toMatchObject({ status: 200 });
  expect(await get(replica.adminPort, "/startupz")).toMatchObject({ status: 200 });
  idle.destroy();
  duringLag.destroy();
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("the admin port answers while requests end, the public one does not listen any more", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0 } });
  const client = await connectClient(replica.port);
  client.get("/slow?ms=800");
  await replica.line(hasBegun("/slow?ms=800"));
  replica.kill("SIGTERM");
  await replica.line(isPhase("drain", "start"));
  await expect
    .poll(() => connectClient(replica.port).catch((error: NodeJS.ErrnoException) => error.code))
    .toBe("ECONNREFUSED");
  const probe = await get(replica.adminPort, "/readyz");
  expect(probe).toMatchObject({ status: 503 });
  expect(JSON.parse(probe.body)).toEqual({ state: "draining", reason: "SIGTERM" });
  expect(await client.response()).toMatchObject({ status: 200 });
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("a request that is stuck is cut at the deadline, which says how many, and others are not", async () => {
  const replica = await startServing({
    lifecycle: { announceSeconds: 0, drainSeconds: 0.6, longestRequestSeconds: 0.5 },
  });
  const stuck = await connectClient(replica.port);
  stuck.get("/stuck");
  const slow = await connectClient(replica.port);
  slow.get("/slow?ms=300");
  await Promise.all([replica.line(hasBegun("/stuck")), replica.line(hasBegun("/slow?ms=300"))]);
  replica.kill("SIGTERM");

  expect(await slow.response()).toMatchObject({ status: 200 });
  const end = await replica.line(isPhaseEnd("drain"));
  expect(end).toMatchObject({ outcome: "deadline", inFlight: 1, connections: 1 });
  expect(end.problems).toEqual(["cut at the deadline of 0.6 s: 1 request on 1 connection"]);
  await expect(stuck.response()).rejects.toThrow("before a whole response came");
  expect(await replica.exited).toMatchObject({ code: 0 });
  expect(replica.lines.find(isExit)?.reason).toContain("1 request on 1 connection");
});

test.concurrent("pipelined requests are answered in order during the drain, and only the last one says close", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 2 } });
  const before = await connectClient(replica.port);
  before.get("/slow?ms=600", "/one", "/two", "/slow?ms=700");
  await replica.line(hasBegun("/slow?ms=700"));
  replica.kill("SIGTERM");
  await replica.line(isPhase("announce", "start"));
  const after = await connectClient(replica.port);
  after.get("/a", "/slow?ms=50", "/b", "/c", "/d");

  const said: (string | undefined)[] = [];
  for (const client of [before, after]) {
    for (let i = 0; i < (client === before ? 4 : 5); i += 1) {
      const { status, body, headers } = await client.response();
      said.push(`${status} ${body} ${headers["connection"]}`);
    }
    expect(await client.closed).toBe("end");
  }
  expect(said).toEqual([
    "200 slow ?ms=600 keep-alive",
    // These two were answered before SIGTERM came, and wait for the first to be sent.
    "200 /one keep-alive",
    "200 /two keep-alive",
    "200 slow ?ms=700 close",
    "200 /a keep-alive",
    "200 slow ?ms=50 keep-alive",
    "200 /b keep-alive",
    "200 /c keep-alive",
    "200 /d close",
  ]);
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("a response whose headers were out before SIGTERM is completed, then its socket is closed", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0 } });
  const client = await connectClient(replica.port);
  client.get("/stream?ms=400");
  await replica.line(hasBegun("/stream?ms=400"));
  replica.kill("SIGTERM");
  expect(await client.response()).toMatchObject({ body: "1234567890", headers: { connection: "keep-alive" } });
  expect(await client.closed).toBe("end");
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test.concurrent("a request that is coming in while the drain begins is answered; a socket that says nothing does not hold it up", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0 } });
  const silent = await connectClient(replica.port);
  const half = await connectClient(replica.port);
  half.write("GET /half HTTP/1.1\r\nHo");
  const probe = await connectClient(replica.port);
  probe.get("/seen"); // sent later over another socket: when it is answered, the half request has arrived
  await probe.response();
  replica.kill("SIGTERM");
  await silent.closed;
  half.write("st: test\r\n\r\n");
  expect(await half.response()).toMatchObject({ status: 200, body: "/half", headers: { connection: "close" } });
  expect(await replica.exited).toMatchObject({ code: 0 });
});

test("connections that wait in the kernel's queue when the drain begins are taken in and answered", async () => {
  const replica = await startServing({ lifecycle: { announceSeconds: 0 } });
  const blocker = await connectClient(replica.port);
  blocker.get("/block?ms=300");
  await replica.line(hasBegun("/block?ms=300"));
  // The event loop is busy, so the kernel alone completes these connections; node will take one a turn.
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectClient(replica.port)));
  clients.forEach((client) => client.get("/queued"));
  replica.kill("SIGTERM");
  const responses = await Promise.all(clients.map((client) => client.response()));
  expect(responses.map((response) => response.status)).toEqual(clients.map(() => 200));
  expect(await replica.exited).toMatchObject({ code: 0 });
});
