import { expect, test } from "vitest";
import { ask } from "./child.ts";

/** A program with a child of its own in the same group; each says how it ended, the child first where both are asked. */
const FAMILY = `
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(`
    process.on("SIGTERM", () => { console.log("child: asked"); process.exit(); });
    process.on("message", () => { console.log("child: done"); process.exit(); });
    process.send("ready");
  `)}], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  child.on("message", () => process.stderr.write(""));
  process.on("SIGTERM", () => setTimeout(() => child.connected && child.send("end"), 300));
  child.on("exit", () => { console.log("parent: ended"); process.exit(); });
  child.once("message", () => process.kill(Number(process.argv[1]), "SIGUSR2"));`;

async function interrupted(asks: "child" | "group"): Promise<string[]> {
  const abort = new AbortController();
  process.once("SIGUSR2", () => abort.abort());
  const { code, stdout } = await ask(process.execPath, ["-e", FAMILY, String(process.pid)], {
    signal: abort.signal,
    asks,
  });
  expect(code).toBe(0);
  return stdout.trim().split("\n");
}

test("an interrupt asks the program alone, so that its children end in its order", { timeout: 30_000 }, async () => {
  expect(await interrupted("child")).toEqual(["child: done", "parent: ended"]);
});

test("where the program hands nothing on, its whole group is asked", { timeout: 30_000 }, async () => {
  expect(await interrupted("group")).toEqual(["child: asked", "parent: ended"]);
});
