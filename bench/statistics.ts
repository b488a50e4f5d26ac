/** What is told of several measurements of one thing: the middle one, and how far they lie apart. Pure. */

export type Spread = { readonly median: number; readonly min: number; readonly max: number };

/** Null when there is nothing to tell of, or when one of the values is not known. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0 || sorted.length < values.length) return null;
  return { median: medianOf(sorted), min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** @param sorted ascending, at least one */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
