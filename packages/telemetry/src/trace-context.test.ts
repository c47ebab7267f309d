import { expect, test } from "vitest";
import {
  acceptBaggage,
  acceptTracestate,
  formatTraceparent,
  parseTraceparent,
  type RemoteParent,
} from "./trace-context.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const VALID = `00-${TRACE_ID}-${SPAN_ID}-01`;

test("a valid traceparent is the caller's span", () => {
  expect(parseTraceparent(VALID)).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, sampled: true });
  expect(parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-00`)).toEqual({
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    sampled: false,
  });
});

test.for([
  ["00", false],
  ["01", true],
  ["02", false],
  ["03", true],
  ["fe", false],
  ["ff", true],
] as const)("flags %s: sampled is the lowest bit alone", ([flags, sampled]) => {
  expect(parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-${flags}`)?.sampled).toBe(sampled);
});

test("a later version is read by the fields that version 00 has", () => {
  const parent = { traceId: TRACE_ID, spanId: SPAN_ID, sampled: true };
  expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-01`)).toEqual(parent);
  expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-will-be`)).toEqual(parent);
  expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-01.what`)).toBeUndefined();
  expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-011`)).toBeUndefined();
});

const HOSTILE: Record<string, string | string[] | undefined> = {
  absent: undefined,
  empty: "",
  "version ff": `ff-${TRACE_ID}-${SPAN_ID}-01`,
  "version not hex": `0g-${TRACE_ID}-${SPAN_ID}-01`,
  "version 00 with more": `${VALID}-extra`,
  "version 00 with a dash": `${VALID}-`,
  "trace id of zeros": `00-${"0".repeat(32)}-${SPAN_ID}-01`,
  "span id of zeros": `00-${TRACE_ID}-${"0".repeat(16)}-01`,
  "upper case": VALID.toUpperCase(),
  "one upper-case digit": `00-${TRACE_ID.replace("b", "B")}-${SPAN_ID}-01`,
  "trace id too short": `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`,
  "trace id too long, span id too short": `00-${TRACE_ID}0-${SPAN_ID.slice(1)}-01`,
  "no flags": `00-${TRACE_ID}-${SPAN_ID}`,
  "flags not hex": `00-${TRACE_ID}-${SPAN_ID}-0x`,
  "space before": ` ${VALID}`,
  "space after": `${VALID} `,
  "line break after": `${VALID}\n`,
  "two in one header, as Node joins them": `${VALID}, ${VALID}`,
  "two headers": [VALID, VALID],
  "a list of one": [VALID],
  "digits of another script": `00-${TRACE_ID.replace("4", "٤")}-${SPAN_ID}-01`,
  "a later version without end": `cc-${TRACE_ID}-${SPAN_ID}-01-${"a".repeat(16_000)}`,
};

test.for(Object.entries(HOSTILE))("traceparent, %s: ignored", ([, header]) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test("what is passed on is a valid traceparent of version 00 that reads back the same", () => {
  for (const sampled of [true, false]) {
    const ids = { traceId: TRACE_ID, spanId: SPAN_ID, sampled };
    expect(parseTraceparent(formatTraceparent(ids))).toEqual(ids);
    expect(formatTraceparent(ids)).toHaveLength(55);
  }
  // Flags and versions of the caller that this package does not know are not passed on.
  expect(formatTraceparent(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-ff-x`) as RemoteParent)).toBe(VALID);
});

test("a valid tracestate is passed on, spaces and empty members dropped, order kept", () => {
  expect(acceptTracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).toBe("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  expect(acceptTracestate("rojo=1 , congo=2,,\ttenant@vendor=a b")).toBe("rojo=1,congo=2,tenant@vendor=a b");
});

const members = (count: number, make: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join(",");

test("tracestate is bounded: 32 members, 512 characters", () => {
  expect(acceptTracestate(members(32, (i) => `k${i}=v`))).toBe(members(32, (i) => `k${i}=v`));
  expect(acceptTracestate(members(33, (i) => `k${i}=v`))).toBeUndefined();
  const longest = `a=${"v".repeat(256)},b=${"v".repeat(251)}`;
  expect(longest).toHaveLength(512);
  expect(acceptTracestate(longest)).toBe(longest);
  expect(acceptTracestate(`${longest}v`)).toBeUndefined();
});

const HOSTILE_TRACESTATE: Record<string, string | string[] | undefined> = {
  absent: undefined,
  empty: "",
  "commas alone": ",,,",
  "no value": "rojo",
  "key in upper case": "Rojo=1",
  "two equals signs": "rojo=1=2",
  "line break": "rojo=1\nx-evil: 1",
  "not ASCII": "rojo=é",
  "one bad member among good ones": "rojo=1,=2",
  "key too long": `${"k".repeat(257)}=1`,
  "value too long": `k=${"v".repeat(257)}`,
  "a list": ["rojo=1"],
};

test.for(Object.entries(HOSTILE_TRACESTATE))("tracestate, %s: ignored", ([, header]) => {
  expect(acceptTracestate(header)).toBeUndefined();
});

test("valid baggage is passed on, spaces around members dropped, properties kept", () => {
  expect(acceptBaggage("userId=alice")).toBe("userId=alice");
  expect(acceptBaggage("userId=Am%C3%A9lie , serverNode=DF%2028;ttl=5;secret,empty=")).toBe(
    "userId=Am%C3%A9lie,serverNode=DF%2028;ttl=5;secret,empty=",
  );
});

test("baggage is bounded: 64 members, 8192 characters", () => {
  expect(acceptBaggage(members(64, (i) => `k${i}=v`))).toBe(members(64, (i) => `k${i}=v`));
  expect(acceptBaggage(members(65, (i) => `k${i}=v`))).toBeUndefined();
  expect(acceptBaggage(`k=${"v".repeat(8190)}`)).toHaveLength(8192);
  expect(acceptBaggage(`k=${"v".repeat(8191)}`)).toBeUndefined();
});

const HOSTILE_BAGGAGE: Record<string, string | string[] | undefined> = {
  absent: undefined,
  empty: "",
  "no value": "userId",
  "no key": "=alice",
  "space in a value": "userId=a b",
  "quote in a value": 'userId="alice"',
  backslash: String.raw`userId=a\b`,
  "not ASCII": "userId=Amélie",
  "line break": "userId=alice\r\nx-evil: 1",
  "bad property": "userId=alice;é",
  "an empty member": "userId=alice,,b=1",
  "spaces without end": `a${" ".repeat(8000)}b=1`,
  "a list": ["userId=alice"],
};

test.for(Object.entries(HOSTILE_BAGGAGE))("baggage, %s: ignored", ([, header]) => {
  expect(acceptBaggage(header)).toBeUndefined();
});
