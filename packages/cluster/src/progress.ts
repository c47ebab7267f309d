/** What a person sees of a long command while it works. */
export interface Step {
  readonly id: string;
  readonly title: string;
  readonly state: "start" | "done" | "note" | "failed";
  readonly seconds?: number;
  readonly detail?: string;
}

export interface UpProgress {
  onStep(step: Step): void;
}

/** Runs one step and tells how long it took. */
export async function step<T>(
  onStep: UpProgress["onStep"],
  what: { id: string; title: string; detail?: (result: T) => string | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const { id, title } = what;
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  onStep({ id, title, state: "start" });
  try {
    const result = await work();
    const detail = what.detail?.(result);
    onStep({ id, title, state: "done", seconds: seconds(), ...(detail === undefined ? {} : { detail }) });
    return result;
  } catch (error) {
    onStep({ id, title, state: "failed", seconds: seconds() });
    throw error;
  }
}
