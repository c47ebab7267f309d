import { describe, expect, test } from "vitest";
import { isNext } from "./node-start.ts";

describe("the lowest free address", () => {
  const used = ["172.22.0.1", "172.22.0.2", "172.22.0.3"];

  test("is the one after those in use", () => {
    expect(isNext("172.22.0.4", used)).toBe(true);
    expect(isNext("172.22.0.2", ["172.22.0.1"])).toBe(true);
  });

  test("is none that lies above a gap, and none that is in use", () => {
    expect(isNext("172.22.0.6", used)).toBe(false);
    expect(isNext("172.22.0.3", used)).toBe(false);
    expect(isNext("172.22.0.4", ["172.22.0.1", "172.22.0.3"])).toBe(false);
  });

  test("goes on after a whole byte", () => {
    const byte = Array.from({ length: 255 }, (_, index) => `172.22.0.${index + 1}`);
    expect(isNext("172.22.1.0", byte)).toBe(true);
  });
});
