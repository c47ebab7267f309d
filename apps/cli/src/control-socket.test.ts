import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { usageError } from "./cli-error.ts";
import { askControl, serveControl, type ControlHandler } from "./control-socket.ts";

async function serve(handler: ControlHandler): Promise<{ socket: string; close: (reason: string) => Promise<void> }> {
  const dir = await mkdtemp(path.join(tmpdir(), "control-"));
  const socket = path.join(dir, "control");
  const server = await serveControl(socket, handler);
  onTestFinished(async () => {
    await server.close("the test is over");
    await rm(dir, { recursive: true });
  });
  return { socket, close: server.close };
}

test("a question is answered, with what happened on the way", async () => {
  const { socket } = await serve(async ({ command, args }, progress) => {
    progress("half way");
    return { text: `${command} done`, result: args };
  });
  const heard: string[] = [];
  const answer = await askControl(
    socket,
    { command: "rollout", args: { version: "v2" } },
    { onProgress: (text) => heard.push(text) },
  );
  expect(answer).toMatchObject({ text: "rollout done", result: { version: "v2" } });
  expect(heard).toEqual(["half way"]);
});

test("a refusal comes with its sentence, its code and its exit code", async () => {
  const { socket } = await serve(() => {
    throw usageError('There is no replica "x".', "NO_REPLICA");
  });
  await expect(askControl(socket, { command: "kill" })).rejects.toMatchObject({
    message: 'There is no replica "x".',
    code: "NO_REPLICA",
    exitCode: 2,
  });
});

test("where nobody listens the code says so", async () => {
  await expect(askControl(path.join(tmpdir(), "no-such-socket"), { command: "status" })).rejects.toMatchObject({
    code: "NOT_RUNNING",
    exitCode: 4,
  });
});

test("one that is suspended is not waited for: it takes the request and says nothing", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "control-"));
  const socket = path.join(dir, "control");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(async () => {
    server.close();
    await rm(dir, { recursive: true, force: true });
  });
  await expect(askControl(socket, { command: "status" }, { acceptedWithinMs: 50 })).rejects.toMatchObject({
    code: "NO_ANSWER",
    exitCode: 4,
    message: `The running start (socket ${socket}) does not answer: it may be suspended; \`fg\` it or end it.`,
  });
});

test("what takes long is waited for once it is accepted", async () => {
  const { socket } = await serve(async () => {
    await sleep(300);
    return { text: "done at last" };
  });
  const answer = await askControl(socket, { command: "rollout" }, { acceptedWithinMs: 200 });
  expect(answer).toMatchObject({ text: "done at last" });
});

test("whoever still waits when it ends is told why", async () => {
  let heard = (): void => {};
  const asked = new Promise<void>((resolve) => (heard = resolve));
  const { socket, close } = await serve(() => {
    heard();
    return new Promise(() => {});
  });
  const answer = askControl(socket, { command: "rollout" }).catch((error: unknown) => error);
  await asked;
  await close("it ends");
  expect(await answer).toMatchObject({ message: "it ends", code: "STOPPED" });
});

test("whoever is answered as it ends still gets the answer", async () => {
  const ended = Promise.withResolvers<void>();
  let heard = (): void => {};
  const asked = new Promise<void>((resolve) => (heard = resolve));
  const { socket, close } = await serve(async () => {
    heard();
    await ended.promise;
    return { text: "it has ended" };
  });
  const answer = askControl(socket, { command: "stop" });
  await asked;
  ended.resolve();
  await close("it ends");
  expect(await answer).toMatchObject({ text: "it has ended" });
});

test.for(["no json\n", "[]\n", '{"args":{}}\n', `${"x".repeat(70_000)}\n`])(
  "what is no request is refused, and others are still served: %s",
  async (text) => {
    const { socket } = await serve(() => ({ text: "fine" }));
    const said = await new Promise<string>((resolve) => {
      let heard = "";
      const connection = createConnection(socket, () => connection.write(text));
      connection.on("data", (chunk) => (heard += chunk.toString())).on("close", () => resolve(heard));
    });
    expect(JSON.parse(said)).toMatchObject({ type: "error", code: "BAD_REQUEST" });
    expect(await askControl(socket, { command: "status" })).toMatchObject({ text: "fine" });
  },
);

test("a second terminal that goes away does no harm", async () => {
  const { socket } = await serve(async () => ({ text: "fine" }));
  await new Promise<void>((resolve) => {
    const connection = createConnection(socket, () => {
      connection.write('{"command":"status"}\n');
      connection.destroy();
    }).on("close", () => resolve());
  });
  expect(await askControl(socket, { command: "status" })).toMatchObject({ text: "fine" });
});
