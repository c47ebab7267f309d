import { nowEpochMs } from "./clock.ts";

/** Enough for one of them to meet both processes awake; each costs one line in either direction. */
const FIRST_PINGS = 5;
/** Two machines' clocks drift apart by tens of ms an hour: an estimate must not be older than this many pings, one a tick. */
const REMEMBERED = 20;

export interface ClockOffset {
  /** Enough rounds were made for the estimate to be as good as it gets. */
  readonly settled: boolean;
  /** The agent's Unix time minus this process's, in ms, and how far that may be off; undefined before the first answer. */
  readonly estimate: { offsetMs: number; uncertaintyMs: number } | undefined;
  ping(): void;
  /** `atMs`: the agent's Unix time. */
  pong(answer: { ping: number; atMs: number }): void;
}

/**
 * How far the agent's clock is from ours, as NTP finds it: its answer was given somewhere between question and answer,
 * so the quickest of several rounds says most. (RFC 5905, section 8.)
 */
export function createClockOffset(send: (ping: number) => void): ClockOffset {
  const sentAt = new Map<number, number>();
  let rounds: { offsetMs: number; uncertaintyMs: number }[] = [];
  let pings = 0;
  let answers = 0;

  function ping(): void {
    sentAt.set(pings, nowEpochMs());
    send(pings++);
  }

  function pong(answer: { ping: number; atMs: number }): void {
    const askedMs = sentAt.get(answer.ping);
    if (askedMs === undefined) return;
    sentAt.delete(answer.ping);
    const uncertaintyMs = (nowEpochMs() - askedMs) / 2;
    rounds = [...rounds.slice(1 - REMEMBERED), { offsetMs: answer.atMs - (askedMs + uncertaintyMs), uncertaintyMs }];
    answers++;
    if (answers < FIRST_PINGS) ping();
  }

  return {
    get settled() {
      return answers >= FIRST_PINGS;
    },
    get estimate() {
      return rounds.toSorted((a, b) => a.uncertaintyMs - b.uncertaintyMs)[0];
    },
    ping,
    pong,
  };
}
