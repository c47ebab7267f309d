import type { LedgerLine } from "./ledger.ts";

/** What the agent is told on stdin after the plan, one JSON object a line. */
export type AgentCommand = { stop: true } | { rate: number } | { ping: number };

/** What the agent says beside the ledger's lines. Not kept. */
type AgentTalk =
  | { type: "pong"; ping: number; atMs: number }
  | { type: "tick"; atMs: number; inFlight: number }
  | { type: "error"; code: string; sentence: string };

export type AgentLine = LedgerLine | AgentTalk;
