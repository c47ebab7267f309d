import type { LifecycleEvent, LifecycleListener } from "./events.ts";

export interface Emitter {
  on(listener: LifecycleListener): () => void;
  emit(event: LifecycleEvent): void;
}

/** Hands events to listeners. One that throws stops neither the others nor the drain. */
export function createEmitter(): Emitter {
  const listeners = new Set<LifecycleListener>();

  return {
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          // It is a mistake of the program and surfaces as one; not for a crash event, which it would cause again without end.
          if (event.type !== "crash") {
            queueMicrotask(() => {
              throw error;
            });
          }
        }
      }
    },
  };
}
