/**
 * Two pieces of work side by side. When one fails, the other is told to stop and waited for, so that nothing of it
 * outlives us; then what went wrong first is thrown.
 */
export async function together<A, B>(
  signal: AbortSignal,
  [first, second]: [(signal: AbortSignal) => Promise<A>, (signal: AbortSignal) => Promise<B>],
): Promise<[A, B]> {
  const broken = new AbortController();
  const either = AbortSignal.any([signal, broken.signal]);
  let trouble: unknown;

  async function watched<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await work(either);
    } catch (error) {
      if (!broken.signal.aborted) trouble = error;
      broken.abort(error);
      throw error;
    }
  }

  const [a, b] = await Promise.allSettled([watched(first), watched(second)]);
  if (a.status === "rejected" || b.status === "rejected") throw trouble;
  return [a.value, b.value];
}
