import { expect, test } from "vitest";

import { answerArguments } from "./command-line.ts";
import { buildVersion } from "./version.ts";

test("without arguments the service starts", () => {
  expect(answerArguments([])).toBeUndefined();
});

test("--help and --version are answered", () => {
  expect(answerArguments(["--help"])).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining("DRAIN_SECONDS") as string,
  });
  expect(answerArguments(["-h"])).toEqual(answerArguments(["--help"]));
  expect(answerArguments(["--version"])).toEqual({ exitCode: 0, text: buildVersion });
});

test.each(["--port", "start", "", "-", "--help=1", "\u001b[2J"])("%j is one sentence and exit code 2", (argument) => {
  const answer = answerArguments([argument]);
  expect(answer?.exitCode).toBe(2);
  expect(answer?.text).toMatch(/^"[\x20-\x7e]* is not understood: [\x20-\x7e]*\.$/);
});
