/** A figure over several runs: what to quote is the median; the width says how noisy the machine was. */
export interface Figure {
  median: number;
  min: number;
  max: number;
}

/** @throws RangeError when there is nothing to summarise. */
export function figure(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  if (sorted.length === 0) throw new RangeError("A figure needs at least one value.");
  const middle = sorted.length >> 1;
  return {
    median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** Ratios pair by pair, each within one round, so that a machine that slows down slows both sides. */
export function ratios(values: readonly number[], base: readonly number[]): Figure {
  return figure(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}
