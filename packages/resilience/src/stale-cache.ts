/** Last known answers, for when no new one can be had. Bounded, and each says its age. */
import { checkedNumber, isUnavailable } from "./errors.ts";
import { createEmitter } from "./events.ts";

export interface StaleCacheOptions {
  /** Most entries kept; beyond it the least recently used one goes. */
  maxEntries: number;
  /** Age in ms from which on an answer is not given any more: wrong would be worse than unknown. */
  maxAgeMs: number;
  /** Age in ms up to which an answer is not called stale. Default 0: whatever comes out of the cache is. */
  freshMs?: number;
}

/** An answer and how old it is; `ageMs` 0 and `stale` false when it has just been given. */
export interface Cached<V> {
  value: V;
  ageMs: number;
  stale: boolean;
}

export type StaleCacheEvent =
  /** An old answer was given, since no new one could be had. */
  | { type: "fallback"; kind: "stale"; ageMs: number; error: unknown }
  /** There was not even an old answer. */
  | { type: "fallback"; kind: "none"; error: unknown }
  | { type: "evicted"; reason: "full" | "expired"; ageMs: number };

export interface StaleCache<K, V> {
  readonly size: number;
  set(key: K, value: V): void;
  /** The last known answer, its age in whole ms, whether it is stale; undefined when there is none young enough. */
  get(key: K): Cached<V> | undefined;
  delete(key: K): boolean;
  clear(): void;
  /**
   * Asks `load` and remembers its answer. When the upstream is unavailable ({@link isUnavailable}) it gives the last
   * known answer instead, which says its age. Any other error, and unavailability with nothing remembered, is thrown on.
   */
  orStale(key: K, load: () => Promise<V>): Promise<Cached<V>>;
  on(listener: (event: StaleCacheEvent) => void): () => void;
}

/** A Map holds 2^24 entries at most; beyond it `set` would throw, long after memory was gone. */
const MOST_ENTRIES = 16_777_216;

interface Entry<V> {
  value: V;
  setAtMs: number;
}

export function createStaleCache<K, V>(opts: StaleCacheOptions): StaleCache<K, V> {
  const maxEntries = checkedNumber("maxEntries", opts.maxEntries, { min: 1, max: MOST_ENTRIES, integer: true });
  const maxAgeMs = checkedNumber("maxAgeMs", opts.maxAgeMs, { min: 0 });
  const freshMs = checkedNumber("freshMs", opts.freshMs ?? 0, { min: 0 });
  const emitter = createEmitter<StaleCacheEvent>();
  // A Map iterates in the order of insertion: taking an entry out and putting it back makes it the youngest in use.
  const entries = new Map<K, Entry<V>>();

  function ageOf(entry: Entry<V>): number {
    return Math.floor(performance.now() - entry.setAtMs);
  }

  function set(key: K, value: V): void {
    entries.delete(key);
    entries.set(key, { value, setAtMs: performance.now() });
    if (entries.size <= maxEntries) return;
    for (const [oldest, entry] of entries) {
      entries.delete(oldest);
      emitter.emit({ type: "evicted", reason: "full", ageMs: ageOf(entry) });
      break;
    }
  }

  function get(key: K): Cached<V> | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = ageOf(entry);
    entries.delete(key);
    if (ageMs > maxAgeMs) {
      emitter.emit({ type: "evicted", reason: "expired", ageMs });
      return undefined;
    }
    entries.set(key, entry);
    return { value: entry.value, ageMs, stale: ageMs >= freshMs };
  }

  async function orStale(key: K, load: () => Promise<V>): Promise<Cached<V>> {
    try {
      const value = await load();
      set(key, value);
      return { value, ageMs: 0, stale: false };
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const known = get(key);
      if (known === undefined) {
        emitter.emit({ type: "fallback", kind: "none", error });
        throw error;
      }
      emitter.emit({ type: "fallback", kind: "stale", ageMs: known.ageMs, error });
      return known;
    }
  }

  return {
    get size() {
      return entries.size;
    },
    set,
    get,
    delete: (key) => entries.delete(key),
    clear: () => entries.clear(),
    orStale,
    on: emitter.on,
  };
}
