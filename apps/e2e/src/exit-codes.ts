/** As everywhere in the command line: scripts and CI tell them apart. */
export const EXIT = {
  done: 0,
  fail: 1,
  usage: 2,
  invalid: 3,
  couldNotRun: 4,
  interrupted: 130,
} as const;
