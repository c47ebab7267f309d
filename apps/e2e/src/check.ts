/** One plain check as vitest runs it: the claim, and the control that takes the protection away. */
import { afterAll, beforeAll, describe, test, type TestContext } from "vitest";
import { sentenceOf } from "./e2e-error.ts";
import { CHECKS } from "./items.ts";
import { Broken, NotRed, TooLittle } from "./judgement.ts";
import type { Half } from "./result.ts";
import { openRoom, type OpenRoom, type Room } from "./room.ts";

declare module "vitest" {
  interface TaskMeta {
    /** What the reporter makes out/e2e/<id>.json of. */
    half?: Omit<Half, "seconds">;
  }
}

/** More than the slowest half takes on two cores. What waits inside of it has deadlines of its own, whose sentences say more. */
const HALF_TIMEOUT_MS = 420_000;
const ROOM_TIMEOUT_MS = 60_000;

export interface CheckParts {
  /** Claim and control run at the same time: neither sees what the other does. */
  readonly sideBySide?: boolean;
  /** @returns what was found, as a sentence. @throws Broken, TooLittle */
  claim(room: Room): Promise<string>;
  /** Takes the protection away and lets the same judgement call it wrong, by `mustBreak`. @returns the judgement's sentence */
  control?(room: Room): Promise<string>;
}

export function check(id: string, parts: CheckParts): void {
  if (!CHECKS.some((item) => item.id === id && (item.control !== undefined) === (parts.control !== undefined))) {
    throw new Error(`The check "${id}" is not in the list of checks, or that says something else about its control.`);
  }
  describe(`${id}`, { concurrent: parts.sideBySide ?? false }, () => {
    let open: OpenRoom;
    beforeAll(async () => {
      open = await openRoom(id);
    }, ROOM_TIMEOUT_MS);
    afterAll(() => open?.close(), ROOM_TIMEOUT_MS);

    // oxlint-disable-next-line vitest/expect-expect -- a judgement throws
    test("the claim", { timeout: HALF_TIMEOUT_MS }, (context) =>
      noted(context, { whenDone: "held", work: () => parts.claim(open.enter(context.signal)) }),
    );
    const { control } = parts;
    if (!control) return;
    // oxlint-disable-next-line vitest/expect-expect -- as above
    test("the control", { timeout: HALF_TIMEOUT_MS }, (context) =>
      noted(context, { whenDone: "broken", work: () => control(open.enter(context.signal)) }),
    );
  });
}

async function noted(
  { task }: TestContext,
  { whenDone, work }: { whenDone: Half["state"]; work: () => Promise<string> },
): Promise<void> {
  try {
    task.meta.half = { state: whenDone, reason: await work() };
  } catch (error) {
    task.meta.half = { state: stateOf(error), reason: sentenceOf(error) };
    throw error;
  }
}

function stateOf(error: unknown): Half["state"] {
  if (error instanceof Broken) return "broken";
  if (error instanceof TooLittle) return "invalid";
  if (error instanceof NotRed) return "held";
  return "error";
}
