import type { Settings } from "./options.ts";

export interface ConnectionLimits {
  readonly maxRequests: number;
  readonly maxAgeMs: number;
}

/**
 * Draws the limits of one connection: the configured ones, spread evenly by the jitter up and down, so that connections opened
 * together (a rollout, a restarted balancer) do not all come back together.
 *
 * @param random a number 0..1 (`Math.random`)
 */
export function drawLimits(connection: Settings["connection"], random: () => number): ConnectionLimits {
  const { maxRequests, maxAgeSeconds, jitter } = connection;
  const factor = 1 + jitter * (2 * random() - 1);
  return {
    maxRequests: maxRequests === 0 ? Infinity : Math.max(1, Math.round(maxRequests * factor)),
    maxAgeMs: maxAgeSeconds === 0 ? Infinity : maxAgeSeconds * 1000 * factor,
  };
}
