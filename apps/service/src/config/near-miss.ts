/** Names that a person may have meant: a typing error in a name would otherwise be a default that nobody asked for. */

/**
 * Kubernetes sets these for each Service of a namespace (`STOCK_PORT=tcp://10.0.0.7:80`, `STOCK_SERVICE_HOST`), so a
 * name of this shape is nobody's typing error.
 */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_|$)|$)/;

/** More would make neighbours of names that have nothing to do with each other. */
const MOST_EDITS = 2;

/** One sentence for each name in the environment that is nearly one of `known`. */
export function nearMisses(names: Iterable<string>, known: readonly string[]): string[] {
  const exact = new Set(known);
  const hints: string[] = [];
  for (const name of names) {
    if (exact.has(name) || SERVICE_LINK.test(name)) continue;
    const meant = known.find((candidate) => isNear(name, candidate));
    if (meant !== undefined)
      hints.push(`${name.slice(0, 80)} is not a variable of this service; did you mean ${meant}?`);
  }
  return hints;
}

function isNear(name: string, known: string): boolean {
  // Short names (PORT, HOST) are near to too much.
  if (known.length < 8 || Math.abs(name.length - known.length) > MOST_EDITS) return false;
  const upper = name.toUpperCase();
  // Few names pass this, so that a start does not pay for comparing every variable of a host with every one of ours.
  const alike = upper.slice(0, 2) === known.slice(0, 2) || upper.slice(-4) === known.slice(-4);
  return alike && edits(upper, known) <= MOST_EDITS;
}

/** Levenshtein's distance: insertions, deletions and replacements that turn one into the other. */
function edits(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
