import { expect, test } from "vitest";
import { argumentsOfScript } from "./room-script.ts";

test.each([
  ["apps/service", "dist/service.cjs=/app/service.cjs"],
  ["packages/load", "dist/agent.cjs=/app/agent.cjs"],
])("the image's script of %s is one Node program, which can be run as it is", (room, file) => {
  expect(argumentsOfScript(room, "image")).toEqual(
    expect.arrayContaining(["../../scripts/image.ts", "--build", "build.ts", "--file", file]),
  );
});

test("a script that is none is refused", () => {
  expect(() => argumentsOfScript("apps/service", "check")).toThrow(
    'The script "check" of apps/service/package.json does not begin with node.',
  );
});
