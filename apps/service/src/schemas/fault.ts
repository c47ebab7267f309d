import * as z from "zod";

/** A fault ends by itself: nobody must remember to heal what an experiment broke. An hour outlasts every experiment. */
const ttlSeconds = z.number().min(0.1).max(3600).default(30);
const shared = { ttlSeconds };

/** Each fault and its parameters, with a default each, so that a name alone is enough. */
export const faultRequest = z.discriminatedUnion(
  "fault",
  [
    /** Every request waits; the service's longest allowed request bounds it. */
    z.strictObject({ fault: z.literal("latency"), ...shared, delayMs: z.int().min(1).max(3_600_000).default(1000) }),
    /** This share of the requests is answered 500. */
    z.strictObject({ fault: z.literal("error-rate"), ...shared, ratio: z.number().min(0).max(1).default(1) }),
    /** `/readyz` answers 503. */
    z.strictObject({ fault: z.literal("readiness-off"), ...shared }),
    /** The event loop stands still, for the whole time or in stalls with pauses between them. Nothing answers, this port neither. */
    z.strictObject({
      fault: z.literal("event-loop-block"),
      ...shared,
      stallMs: z.int().min(1).max(3_600_000).optional(),
      pauseMs: z.int().min(1).max(3_600_000).default(1000),
    }),
    /** This share of the event loop's time is burnt. */
    z.strictObject({ fault: z.literal("cpu-burn"), ...shared, share: z.number().min(0.01).max(1).default(0.9) }),
    /** Memory grows outside V8's heap, up to a limit, and is let go at the end. */
    z.strictObject({
      fault: z.literal("memory-leak"),
      ...shared,
      mebibytesPerSecond: z.number().min(1).max(1024).default(16),
      limitMebibytes: z.number().min(1).max(8192).default(256),
    }),
    /** The process ends: at once, or by an error that nobody catches. */
    z.strictObject({
      fault: z.literal("exit"),
      ...shared,
      how: z.enum(["exit", "exception", "rejection"]).default("exit"),
      code: z.int().min(0).max(255).default(1),
    }),
    /** Every attempt at the upstream fails, or hangs. */
    z.strictObject({
      fault: z.literal("dependency-failure"),
      ...shared,
      how: z.enum(["error", "hang"]).default("error"),
    }),
    /** SIGTERM and SIGINT have no effect. */
    z.strictObject({ fault: z.literal("ignore-sigterm"), ...shared }),
    /** Known, but only at a start: `FAULT_SLOW_START_SECONDS`. */
    z.strictObject({ fault: z.literal("slow-start"), ...shared }),
  ],
  { error: ({ code }) => (code === "invalid_union" ? whichFaults() : undefined) },
);
export type FaultRequest = z.output<typeof faultRequest>;
export type FaultName = FaultRequest["fault"];
export type Fault<Name extends FaultName> = Extract<FaultRequest, { fault: Name }>;

/** Its type is said, since the names are those of the schema that asks for this sentence. */
function whichFaults(): string {
  return `\`fault\` must be one of ${faultNames.join(", ")}.`;
}

export const faultNames = faultRequest.options.map(({ shape }) => shape.fault.value);

/** A fault that works now: what was asked for, and how long it will go on. */
export type ActiveFault = FaultRequest & { remainingSeconds: number };
