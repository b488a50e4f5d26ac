/**
 * Pages of keys in the order of their bytes, or from the last to the first, and how pages of several shards become one. Pure: the owner of the keys
 * decides which of them are in its own page.
 */

import type { Key } from './key.ts';

export const listLimitMax = 1_000;
export const listLimitDefault = 100;
export const listDelimiterBytesMax = 16;
/** The most that the values of one page may have, in bytes. */
export const listBytesMax = 4 * 1024 * 1024;

export type ListQuery = {
  /** Only keys that begin so; empty for all. */
  readonly prefix: Buffer;
  /** The page begins after this position; at the first key when it is undefined. */
  readonly after: ListPosition | undefined;
  /** Keys that have this text after the prefix are listed once, as what they have in common up to its end. */
  readonly delimiter: Buffer | undefined;
  /** Entries of a page: 1 to `listLimitMax`. */
  readonly limit: number;
  readonly values: boolean;
  /** From the last key to the first. What comes after a key is then what has smaller bytes. */
  readonly reverse: boolean;
};

/** The next page of all keys with a prefix, from the first key on, as large as a page can be. */
export function largestPage({ prefix, after, values }: Pick<ListQuery, 'prefix' | 'after' | 'values'>): ListQuery {
  return { prefix, after, values, delimiter: undefined, limit: listLimitMax, reverse: false };
}

/** The order of a listing. */
type Order = Pick<ListQuery, 'reverse'>;

/** A place in the order of a listing: after one key, or after every key with one prefix. */
export type ListPosition = { readonly kind: 'key' | 'prefix'; readonly bytes: Buffer };

export type ListEntry =
  | {
      readonly kind: 'key';
      readonly key: Key;
      readonly version: number;
      readonly contentType: string;
      /** Unix milliseconds; absent for never. */
      readonly expiresAtMs?: number;
      readonly valueBytes: number;
      /** Present when the query asked for values. */
      readonly value?: Buffer;
    }
  | { readonly kind: 'prefix'; readonly key: Buffer };

export type Listing = {
  readonly kind: 'listing';
  readonly entries: readonly ListEntry[];
  /** Every key up to here is in `entries`; undefined when no key comes after them. */
  readonly next: ListPosition | undefined;
};

/** All keys from `begin` on and before `end`; up to the last key where that is undefined. */
export type KeyRange = { readonly begin: Buffer; readonly end: Buffer | undefined };

/** Where what can come after the position lies; undefined when nothing can. */
export function rangeOf({
  prefix,
  after,
  reverse,
}: Pick<ListQuery, 'prefix' | 'after' | 'reverse'>): KeyRange | undefined {
  const range = { begin: prefix, end: successorOf(prefix) };
  if (after === undefined) return range;
  if (reverse) {
    const end = range.end !== undefined && Buffer.compare(range.end, after.bytes) < 0 ? range.end : after.bytes;
    return Buffer.compare(prefix, end) < 0 ? { begin: prefix, end } : undefined;
  }
  const edge = edgeAfter(after);
  if (edge === undefined || (range.end !== undefined && Buffer.compare(edge, range.end) >= 0)) return undefined;
  return Buffer.compare(edge, prefix) > 0 ? { begin: edge, end: range.end } : range;
}

/** The first bytes, in order, that are not before the position in a listing from the first key on. */
function edgeAfter({ kind, bytes }: ListPosition): Buffer | undefined {
  return kind === 'key' ? Buffer.concat([bytes, zero]) : successorOf(bytes);
}

const zero = Buffer.of(0);

/** The place right before a key: what is listed after it begins with that key, if it is there. */
export function positionBefore(key: Buffer, { reverse }: Order): ListPosition | undefined {
  if (reverse) return { kind: 'key', bytes: Buffer.concat([key, zero]) };
  const last = key.at(-1);
  if (last === undefined) return undefined;
  const bytes = Buffer.from(key.subarray(0, last === 0 ? -1 : key.length));
  if (last === 0) return { kind: 'key', bytes };
  // Everything that begins with the bytes right before the key's own comes before the key.
  bytes[bytes.length - 1] = last - 1;
  return { kind: 'prefix', bytes };
}

/** The first bytes, in order, that come after everything that begins with `prefix`; undefined when nothing does. */
export function successorOf(prefix: Buffer): Buffer | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const next = Buffer.from(prefix.subarray(0, end));
  next[end - 1] = (next[end - 1] as number) + 1;
  return next;
}

/** The prefix under which a key is listed together with others; undefined when it is listed by itself. */
export function commonPrefixOf(key: Key, { prefix, delimiter }: ListQuery): Buffer | undefined {
  if (delimiter === undefined) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.subarray(0, at + delimiter.length);
}

export function positionOf({ kind, key }: ListEntry): ListPosition {
  return { kind, bytes: key };
}

/**
 * Negative, 0 or positive, as for `sort`. Every key with a prefix comes before the place after the prefix, whichever the
 * order.
 */
export function comparePositions(a: ListPosition, b: ListPosition, { reverse }: Order): number {
  if (reverse) return Buffer.compare(b.bytes, a.bytes);
  const [edgeA, edgeB] = [edgeAfter(a), edgeAfter(b)];
  if (edgeA === undefined || edgeB === undefined) return Number(edgeA === undefined) - Number(edgeB === undefined);
  return Buffer.compare(edgeA, edgeB);
}

/**
 * What several owners of different keys answered to one query becomes one page of at most `limit` entries. When it
 * is not full, and more of one part would make it longer, `lacking` is that part.
 */
export function mergedListing(
  parts: readonly Listing[],
  { limit, reverse }: Pick<ListQuery, 'limit' | 'reverse'>,
): { readonly page: Listing; readonly lacking: Listing | undefined } {
  const order = { reverse };
  // Beyond the end of an incomplete part it is unknown which key comes next.
  const lacking = parts
    .filter(({ next }) => next !== undefined)
    .sort((a, b) => comparePositions(a.next as ListPosition, b.next as ListPosition, order))[0];
  const knownTo = lacking?.next;
  const isUnknown = knownTo === undefined ? () => false : isBeyond(knownTo, order);
  const entries: ListEntry[] = [];
  let bytes = 0;
  for (const entry of inOrder(parts, order)) {
    if (isUnknown(entry)) break;
    const last = entries.at(-1);
    if (entry.kind === 'prefix' && last?.kind === 'prefix' && last.key.equals(entry.key)) continue;
    const entryBytes = bytesOf(entry);
    if (last !== undefined && (entries.length === limit || bytes + entryBytes > listBytesMax)) {
      return { page: { kind: 'listing', entries, next: positionOf(last) }, lacking: undefined };
    }
    entries.push(entry);
    bytes += entryBytes;
  }
  const next = knownTo && furthest(knownTo, entries.at(-1), order);
  return { page: { kind: 'listing', entries, next }, lacking: entries.length < limit ? lacking : undefined };
}

/** A common prefix that was listed is listed with all its keys, also those beyond what is known. */
function furthest(knownTo: ListPosition, last: ListEntry | undefined, order: Order): ListPosition {
  const reached = last && positionOf(last);
  return reached !== undefined && comparePositions(reached, knownTo, order) > 0 ? reached : knownTo;
}

/** The entries of all parts, each of which is in order, in the order of their keys. */
function* inOrder(parts: readonly Listing[], { reverse }: Order): Iterable<ListEntry> {
  const heads = parts.map(({ entries }) => ({ entries, at: 0 }));
  const sign = reverse ? -1 : 1;
  for (;;) {
    let first: ListEntry | undefined;
    let from = heads[0];
    for (const head of heads) {
      const entry = head.entries[head.at];
      if (entry === undefined || (first !== undefined && sign * Buffer.compare(entry.key, first.key) >= 0)) continue;
      first = entry;
      from = head;
    }
    if (first === undefined || from === undefined) return;
    from.at++;
    yield first;
  }
}

/**
 * Tells whether all of an entry's keys come after the position. A common prefix of which only some do is no such entry:
 * those before it may be the only ones that its part has.
 */
function isBeyond(position: ListPosition, { reverse }: Order): (entry: ListEntry) => boolean {
  if (!reverse) {
    const edge = edgeAfter(position);
    return ({ key }) => edge !== undefined && Buffer.compare(key, edge) >= 0;
  }
  return ({ kind, key }) => {
    if (kind === 'key') return Buffer.compare(key, position.bytes) < 0;
    const end = successorOf(key);
    return end !== undefined && Buffer.compare(end, position.bytes) <= 0;
  };
}

/** The bytes of an entry that count towards `listBytesMax`. */
export function bytesOf(entry: ListEntry): number {
  return entry.kind === 'key' ? (entry.value?.length ?? 0) : 0;
}
