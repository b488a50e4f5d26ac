/**
 * Which part of a value a read wants, so that the rest stays where it lies. Pure: whoever reads the row gives what this
 * says, and HTTP answers by it.
 */

import { type Condition, holds } from './condition.ts';

/** Of a value that does not meet the condition, or has no byte in the range, no part is wanted. */
export type PartWanted = { readonly condition?: Condition; readonly range?: RangeWanted };

export type RangeWanted = {
  /** Counted from the first byte, or below 0 from the end; at most `rangeBytesMax` either way. */
  readonly from: number;
  /** 0 to `rangeBytesMax`. */
  readonly bytesMax: number;
  /** A value of another version is wanted whole. */
  readonly version?: number;
};

/** More than any value has, and what 32 bits can say. */
export const rangeBytesMax = 2 ** 31 - 1;

/** Both bytes are part of it. */
export type ByteRange = { readonly first: number; readonly last: number };

/** What is wanted of a value of this version and size. */
export function partOf(
  { condition, range }: PartWanted,
  version: number,
  valueBytes: number,
): 'whole' | 'none' | ByteRange {
  if (condition !== undefined && !holds(condition, version)) return 'none';
  if (range === undefined || (range.version !== undefined && range.version !== version)) return 'whole';
  const first = range.from < 0 ? Math.max(0, valueBytes + range.from) : range.from;
  const end = Math.min(first + range.bytesMax, valueBytes);
  return first < end ? { first, last: end - 1 } : 'none';
}
