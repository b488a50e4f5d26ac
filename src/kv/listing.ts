/**
 * Pages of keys in the order of their bytes, and how pages of several shards become one. Pure: the owner of the keys
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
};

/** A place in the order of keys: after one key, or after every key with one prefix. */
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

/** The first bytes, in order, that can come after the position; undefined when nothing can. */
export function beginOf({ prefix, after }: Pick<ListQuery, 'prefix' | 'after'>): Buffer | undefined {
  if (after === undefined) return prefix;
  const next = after.kind === 'key' ? Buffer.concat([after.bytes, Buffer.of(0)]) : successorOf(after.bytes);
  return next === undefined || Buffer.compare(next, prefix) >= 0 ? next : prefix;
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

/** Negative, 0 or positive, as for `sort`. Every key with a prefix comes before the prefix's end. */
export function comparePositions(a: ListPosition, b: ListPosition): number {
  const [beginA, beginB] = [beginOf({ prefix: empty, after: a }), beginOf({ prefix: empty, after: b })];
  if (beginA === undefined || beginB === undefined) return Number(beginA === undefined) - Number(beginB === undefined);
  return Buffer.compare(beginA, beginB);
}

const empty = Buffer.alloc(0);

/**
 * What several owners of different keys answered to one query becomes one page of at most `limit` entries. When it
 * is not full, and more of one part would make it longer, `lacking` is that part.
 */
export function mergedListing(
  parts: readonly Listing[],
  { limit }: Pick<ListQuery, 'limit'>,
): { readonly page: Listing; readonly lacking: Listing | undefined } {
  // Beyond the end of an incomplete part it is unknown which key comes next.
  const lacking = parts
    .filter(({ next }) => next !== undefined)
    .sort((a, b) => comparePositions(a.next as ListPosition, b.next as ListPosition))[0];
  const knownTo = lacking?.next;
  const isUnknown = knownTo === undefined ? () => false : isAfter(knownTo);
  const entries: ListEntry[] = [];
  let bytes = 0;
  for (const entry of inOrder(parts)) {
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
  return { page: { kind: 'listing', entries, next: knownTo }, lacking: entries.length < limit ? lacking : undefined };
}

/** The entries of all parts, each of which is in order, in the order of their keys. */
function* inOrder(parts: readonly Listing[]): Iterable<ListEntry> {
  const heads = parts.map(({ entries }) => ({ entries, at: 0 }));
  for (;;) {
    let least: ListEntry | undefined;
    let from = heads[0];
    for (const head of heads) {
      const entry = head.entries[head.at];
      if (entry === undefined || (least !== undefined && Buffer.compare(entry.key, least.key) >= 0)) continue;
      least = entry;
      from = head;
    }
    if (least === undefined || from === undefined) return;
    from.at++;
    yield least;
  }
}

/** Tells whether an entry's position comes after this one. */
function isAfter(position: ListPosition): (entry: ListEntry) => boolean {
  const begin = beginOf({ prefix: empty, after: position });
  return (entry) => {
    if (entry.kind === 'prefix') return comparePositions(positionOf(entry), position) > 0;
    return begin !== undefined && Buffer.compare(entry.key, begin) >= 0;
  };
}

/** The bytes of an entry that count towards `listBytesMax`. */
export function bytesOf(entry: ListEntry): number {
  return entry.kind === 'key' ? (entry.value?.length ?? 0) : 0;
}
