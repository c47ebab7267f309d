import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createProgram } from "./program.ts";
import { reportError } from "./report-error.ts";
import { createFakeTerminal } from "./terminal.fixture.ts";

/** A command line that is parsed and not run further than its usage. */
async function call(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { terminal, said } = createFakeTerminal();
  try {
    await createProgram(terminal).parseAsync(args, { from: "user" });
    return { code: 0, ...said };
  } catch (error) {
    const code = reportError(error, { terminal, verbose: args.includes("--verbose") });
    return { code, ...said };
  }
}

const commands = [
  "start",
  "status",
  "rollout",
  "kill",
  "scale",
  "break",
  "heal",
  "overload",
  "stop",
  "up",
  "load",
  "trace",
  "logs",
  "down",
  "run",
  "list",
  "verdict",
];

test("help lists every command, the exit codes and examples, and never a stack", async () => {
  const { code, out } = await call("--help");
  expect(code).toBe(0);
  for (const command of [...commands, "bench", "e2e", "image", "help"])
    expect(out).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
  expect(out).toContain(
    "Exit codes: 0 done or PASS, 1 FAIL, 2 wrong usage, 3 INVALID, 4 could not run, 130 interrupted.",
  );
  expect(out).toContain("Examples:\n  ./holdfast start ");
});

test.for(commands)("the help of %s has examples that begin with ./holdfast or npm", async (command) => {
  for (const args of [
    [command, "--help"],
    ["help", command],
  ]) {
    const { code, out, err } = await call(...args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`Usage: ./holdfast ${command} `);
    expect(out).toMatch(/\nExamples:\n( {2}(\.\/holdfast|npm) .*\n?)+$/);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  }
});

test.for([
  [["strat"], "Unknown command 'strat'. Did you mean start?"],
  [["start", "--rolout"], "Unknown option '--rolout'. Did you mean --rollout?"],
  [["start", "--frob"], "Unknown option '--frob'. `./holdfast start --help` shows what there is."],
  [
    ["start", "now"],
    "Too many arguments for 'start'. Expected 0 arguments but got 1: now. `./holdfast start --help` shows what there is.",
  ],
  [
    ["start", "--rate", "fast"],
    "Option '--rate <n>' argument 'fast' is invalid. It takes a number from 0 to 2000. `./holdfast start --help` shows what there is.",
  ],
  [
    ["start", "--replicas", "0"],
    "Option '--replicas <n>' argument '0' is invalid. It takes a whole number from 1 to 20. `./holdfast start --help` shows what there is.",
  ],
  [
    ["start", "--port", "99999"],
    "Option '--port <port>' argument '99999' is invalid. It takes a whole number from 0 to 65535. `./holdfast start --help` shows what there is.",
  ],
  [["scale"], "Missing required argument 'replicas'. `./holdfast scale --help` shows what there is."],
  [["run"], "Missing required argument 'ids'. `./holdfast run --help` shows what there is."],
  [
    ["list", "-o", "yaml"],
    "Option '-o, --output <format>' argument 'yaml' is invalid. Allowed choices are json, wide. `./holdfast list --help` shows what there is.",
  ],
  [["help", "frob"], 'There is no command "frob" to help with. `./holdfast help` lists the commands.'],
  [
    ["rollout", "--name", "No Name"],
    '--name takes 1 to 20 of a-z, 0-9 and "-", beginning with a letter or digit; "No Name" is not that.',
  ],
  [
    ["up", "--name", "No Name"],
    '--name takes a name of 1 to 40 small letters, digits and "-", with a letter or digit at both ends; "No Name" is not that.',
  ],
  [["up", "--profile", "huge"], 'There is no profile "huge": the chart has dev, ha and workshop.'],
  [
    ["up", "--port", "70000"],
    "Option '--port <port>' argument '70000' is invalid. It takes a whole number from 0 to 65535. `./holdfast up --help` shows what there is.",
  ],
  [
    ["load", "--for", "soon"],
    "Option '--for <time>' argument 'soon' is invalid. It takes a time such as \"60s\" or \"2m\", in seconds from 5 to 3600. `./holdfast load --help` shows what there is.",
  ],
  [
    ["logs", "E1"],
    '"E1" is no trace id: that is 32 hex digits, not all of them 0, as a log line has in its trace_id and a request in its traceparent.',
  ],
  [
    ["trace", "4bf92f3577b34da6a3ce929d0e0e473"],
    '"4bf92f3577b34da6a3ce929d0e0e473" is no trace id: that is 32 hex digits, not all of them 0, as a log line has in its trace_id and a request in its traceparent.',
  ],
  [
    ["logs", "--pod", "Catalogue!"],
    '--pod takes the name of a pod, or what it begins with (small letters, digits, "-" and "."); "Catalogue!" is not that.',
  ],
  [
    ["logs", "--limit", "0"],
    "Option '--limit <n>' argument '0' is invalid. It takes a whole number from 1 to 100000. `./holdfast logs --help` shows what there is.",
  ],
  [
    ["trace", "--name", "No Name"],
    '--name takes a name of 1 to 40 small letters, digits and "-", with a letter or digit at both ends; "No Name" is not that.',
  ],
  [
    ["up", "--logs-port", "70000"],
    "Option '--logs-port <port>' argument '70000' is invalid. It takes a whole number from 0 to 65535. `./holdfast up --help` shows what there is.",
  ],
  [
    ["run", "E1", "--target", "moon"],
    "Option '--target <target>' argument 'moon' is invalid. Allowed choices are fleet, kind. `./holdfast run --help` shows what there is.",
  ],
  [
    ["run", "E1", "--name", "second"],
    "--name says which cluster, and the fleet needs none: give --target kind with it.",
  ],
  [
    ["run", "E1", "--attempts", "9"],
    "Option '--attempts <n>' argument '9' is invalid. It takes a whole number from 1 to 3. `./holdfast run --help` shows what there is.",
  ],
  [["run", "E5"], "E5 runs on kind only: give --target kind (`./holdfast up` makes the cluster)."],
  [["run", "E1", "E11", "--target", "kind"], "E11 runs on fleet only: give --target fleet."],
  [
    ["run", "E1", "--target", "kind", "--control", "nonsense"],
    'E1 has no control "nonsense" on kind: it has "no-drain".',
  ],
] as const)("%s is one sentence on stderr and exit code 2", async ([args, sentence]) => {
  expect(await call(...args)).toEqual({ code: 2, out: "", err: `holdfast: ${sentence}\n` });
});

test("without a running start, a second terminal's commands say how to get one", async () => {
  vi.stubEnv("TMPDIR", "/nowhere");
  for (const args of [["rollout"], ["kill"], ["scale", "2"], ["break"], ["heal"], ["overload"], ["stop"]]) {
    const { code, err } = await call(...args);
    expect({ code, err }).toEqual({
      code: 4,
      err: "holdfast: No start of this checkout is running: start one with `./holdfast start` and try again.\n",
    });
  }
  expect((await call("stop", "--name", "other")).err).toContain("start one with `./holdfast start --name other`");
  vi.unstubAllEnvs();
});

test("status where nothing runs names both things that can, and needs no Docker to say so", async () => {
  vi.stubEnv("TMPDIR", "/nowhere");
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("HOLDFAST_CLUSTER", "third");
  expect(await call("status")).toEqual({
    code: 4,
    out: "",
    err: 'holdfast: No start of this checkout is running, and there is no cluster "third": `./holdfast start` runs replicas on this machine, `./holdfast up --name third` makes a cluster.\n',
  });
  vi.unstubAllEnvs();
});

test.for([["up"], ["down"], ["load"], ["trace"], ["logs"], ["run", "E1", "--target", "kind"]])(
  "%s without Docker says that it needs it",
  async (args) => {
    vi.stubEnv("PATH", "/nowhere");
    vi.stubEnv("HOLDFAST_BUNDLE", "");
    const { code, out, err } = await call(...args);
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(err).toMatch(
      /^holdfast: There is no Docker on PATH, and a cluster's nodes are its containers: install it .*\n$/,
    );
    vi.unstubAllEnvs();
  },
);

/** Docker's client where its server does not run. */
async function stubDocker(): Promise<void> {
  const dir = await mkdtemp(path.join(tmpdir(), "no-docker-"));
  const script = "#!/bin/sh\necho 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2\nexit 1\n";
  await writeFile(path.join(dir, "docker"), script, { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:/bin:/usr/bin`);
  vi.stubEnv("HOLDFAST_BUNDLE", "");
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(dir, { recursive: true });
  });
}

test("up asks whether Docker runs before it fetches a tool", async () => {
  await stubDocker();
  expect(await call("up")).toEqual({
    code: 4,
    out: "",
    err: "holdfast: Docker does not answer (Cannot connect to the Docker daemon at unix:///var/run/docker.sock.): start it, or let this user use it, and try again.\n",
  });
});

test("status does not say that there is no cluster where Docker cannot be asked", async () => {
  await stubDocker();
  vi.stubEnv("TMPDIR", "/nowhere");
  const { code, out, err } = await call("status");
  expect({ code, out }).toEqual({ code: 4, out: "" });
  expect(err).toMatch(/^holdfast: Docker does not answer.* Start it/);
  expect(err).not.toMatch(/there is no cluster/);
});

test("load refuses more requests than a verdict can hold", async () => {
  const { code, err } = await call("load", "--rate", "2000", "--for", "1h");
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("7 200 000 requests") });
});

test("up with a bundle that has no contents list says so before anything is made", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "no-bundle-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const { code, out, err } = await call("up", "--bundle", dir);
  expect({ code, out }).toEqual({ code: 4, out: "" });
  expect(err).toMatch(/^holdfast: .*bundle\.json.*\n$/);
});

test.for([
  [["--bundle", "/nowhere"], "--bundle says /nowhere, and there is no such directory"],
  [["--bundle", "/etc/hosts"], "--bundle says /etc/hosts, and that is no directory"],
] as const)("up %s: a bundle must be a directory", async ([args, sentence]) => {
  const { code, err } = await call("up", ...args);
  expect(code).toBe(4);
  expect(err).toBe(
    `holdfast: ${sentence}: name the directory that holds bundle.json, or leave it out to use the internet.\n`,
  );
});

test("a stack shows only when it is asked for", async () => {
  vi.stubEnv("TMPDIR", "/nowhere");
  expect((await call("stop")).err).not.toContain("    at ");
  expect((await call("stop", "--verbose")).err).toContain("    at ");
  vi.unstubAllEnvs();
});
