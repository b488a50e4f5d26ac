/**
 * Pages of several shards become one page, whatever each of them happens to answer: less than it was asked for, a
 * prefix that others have too, or that it has another ring just now.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  commonPrefixOf,
  type ListEntry,
  type Listing,
  type ListPosition,
  type ListQuery,
  rangeOf,
} from '../../src/kv/listing.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { KeyLister } from '../../src/routing/key-lister.ts';
import { listQuery } from '../support/operations.ts';

/**
 * As a shard would answer that has these keys, but with at most so many entries. It passes over keys that end in `?`, as
 * over what has expired, and after so many of them its page ends.
 */
function pageOf(keys: readonly Buffer[], query: ListQuery, entriesMax: number, passedMax: number): Listing {
  const range = rangeOf(query);
  const entries: ListEntry[] = [];
  let passed = 0;
  const sorted = [...keys].sort(Buffer.compare);
  for (const key of query.reverse ? sorted.reverse() : sorted) {
    if (range === undefined || Buffer.compare(key, range.begin) < 0) continue;
    if (range.end !== undefined && Buffer.compare(key, range.end) >= 0) continue;
    if (key.at(-1) === hidden) {
      if (++passed === passedMax) return { kind: 'listing', entries, next: { kind: 'key', bytes: key } };
      continue;
    }
    const common = commonPrefixOf(key, query);
    const last = entries.at(-1);
    if (common !== undefined && last?.kind === 'prefix' && last.key.equals(common)) continue;
    if (last !== undefined && entries.length >= Math.min(query.limit, entriesMax)) {
      return { kind: 'listing', entries, next: { kind: last.kind, bytes: last.key } };
    }
    if (common !== undefined) entries.push({ kind: 'prefix', key: common });
    else entries.push({ kind: 'key', key, version: 1, contentType: '', valueBytes: 0 });
  }
  return { kind: 'listing', entries, next: undefined };
}

const hidden = '?'.charCodeAt(0);
const piece = fc.constantFrom('a', 'b', '/', '?', '\xff', '\0');
const name = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')),
  // Folders of which each shard has another part.
  fc.tuple(fc.constantFrom('a', 'b', 'c'), piece).map(([folder, one]) => `${folder}/${one}`),
  fc.tuple(fc.constantFrom('a', 'b', 'c'), piece).map(([folder, one]) => `${folder}/${one}?`),
);

test('every key is listed once and in order, however many each shard has and answers at a time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 60 }),
      fc.infiniteStream(fc.nat(3)),
      fc.infiniteStream(fc.integer({ min: 1, max: 6 })),
      fc.infiniteStream(fc.nat(9)),
      fc.integer({ min: 1, max: 20 }),
      fc.option(fc.constantFrom('/', 'a'), { nil: undefined }),
      fc.boolean(),
      async (names, owners, sizes, moods, limit, delimiter, reverse) => {
        const keysOf: Buffer[][] = [[], [], [], []];
        for (const one of names) keysOf[owners.next().value as number]?.push(Buffer.from(one, 'latin1'));
        const ring = firstRing(new Map([1, 2, 3, 4].map((shard) => [shard, 1])));
        const lister = new KeyLister({
          ring: () => ring,
          ask: async (shard, query) => {
            if (query.kind !== 'list' || moods.next().value === 0) return { kind: 'moved' };
            const size = sizes.next().value as number;
            return pageOf(keysOf[shard - 1] ?? [], query.query, size, 1 + (size % 3));
          },
          holdDeadlineMs: 60_000,
          retryIntervalMs: 0,
        });
        const query = listQuery({ limit, reverse, ...(delimiter !== undefined && { delimiter }) });
        const found: string[] = [];
        let after: ListPosition | undefined;
        do {
          const page = await lister.page({ ...query, after });
          if (page.kind === 'failed') throw new Error(page.detail);
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          found.push(...page.entries.map(({ kind, key }) => `${kind} ${key.toString('latin1')}`));
          after = page.next;
        } while (after !== undefined);
        const all = pageOf(keysOf.flat(), { ...query, limit: 1_000 }, 1_000, 1_000);
        expect(found).toEqual(all.entries.map(({ kind, key }) => `${kind} ${key.toString('latin1')}`));
      },
    ),
    { numRuns: 300 },
  );
});

test('shards that do not come to agree are given up at the deadline', async () => {
  const lister = new KeyLister({
    ring: () => firstRing(new Map([[1, 1]])),
    ask: async () => ({ kind: 'moved' }),
    holdDeadlineMs: 30,
    retryIntervalMs: 5,
  });
  expect(await lister.page(listQuery())).toMatchObject({ kind: 'failed', code: 'shard-unavailable' });
});
