/** The smallest thing that carries typed events: an app binds them to its telemetry, nothing here knows one. */

export interface Emitter<Event> {
  on(listener: (event: Event) => void): () => void;
  emit(event: Event): void;
}

export function createEmitter<Event>(): Emitter<Event> {
  const listeners = new Set<(event: Event) => void>();
  const reported = new WeakSet<(event: Event) => void>();

  function on(listener: (event: Event) => void): () => void {
    // Wrapped, so that one function registered twice is two registrations with an end each.
    const registration = (event: Event): void => listener(event);
    listeners.add(registration);
    return function off() {
      listeners.delete(registration);
    };
  }

  function emit(event: Event): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        // A broken gauge must not fail the call it counts. It is said once, not once a request.
        if (reported.has(listener)) continue;
        reported.add(listener);
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    }
  }

  return { on, emit };
}
