/** The exit codes of every `./holdfast` command. They are part of its interface: scripts and CI tell them apart. */
export const EXIT = {
  /** Done; for a verdict: PASS. */
  done: 0,
  /** The verdict is FAIL. */
  fail: 1,
  /** The command line was wrong; nothing was started. */
  usage: 2,
  /** The verdict is INVALID: the run says nothing, neither good nor bad. */
  invalid: 3,
  /** It could not run here: a port, a file, a process, a missing `start`. */
  couldNotRun: 4,
  /** Ctrl-C or SIGTERM ended a run early; its rollback has run. (128 + SIGINT, as shells count.) */
  interrupted: 130,
} as const;

/** The code that a verdict ends with. */
export function exitCodeOf(verdict: "PASS" | "FAIL" | "INVALID"): number {
  switch (verdict) {
    case "PASS":
      return EXIT.done;
    case "FAIL":
      return EXIT.fail;
    case "INVALID":
      return EXIT.invalid;
  }
}
