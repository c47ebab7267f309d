/** Which share of the requests is let in: the shedder's arithmetic, without clock or event loop. */

export interface AdmissionOptions {
  shedAbove: number;
  resumeBelow: number;
  sustainedIntervals: number;
  shrinkFactor: number;
  growStep: number;
  minShare: number;
}

export interface Admission {
  readonly share: number;
  readonly shedding: boolean;
  /** Takes the utilisation of one interval; true when shedding began or ended by it. */
  update(utilization: number): boolean;
  /** Whether to let in the request at hand. */
  admit(): boolean;
  /** Lets everything in; true when shedding ended by it. */
  reset(): boolean;
}

export function createAdmission(opts: AdmissionOptions): Admission {
  let share = 1;
  let above = 0;
  let credit = 0;

  function update(utilization: number): boolean {
    const before = share;
    above = utilization > opts.shedAbove ? above + 1 : 0;
    if (above >= (share === 1 ? opts.sustainedIntervals : 1))
      share = Math.max(opts.minShare, share * opts.shrinkFactor);
    else if (above === 0 && utilization < opts.resumeBelow) share = Math.min(1, share + opts.growStep);
    // Sums of tenths miss 1 by a rounding error, and shedding would never end.
    if (share > 1 - opts.growStep / 1_000) share = 1;
    return (before === 1) !== (share === 1);
  }

  /** Every request adds its share, every whole one lets a request in: evenly spread, where dice would come in clumps. */
  function admit(): boolean {
    credit += share;
    if (credit < 1) return false;
    credit -= 1;
    return true;
  }

  function reset(): boolean {
    const ended = share < 1;
    share = 1;
    above = 0;
    return ended;
  }

  return {
    get share() {
      return share;
    },
    get shedding() {
      return share < 1;
    },
    update,
    admit,
    reset,
  };
}
