/** What every Store promises about listings: whatever the query, its pages together are what a sorted map would list. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Listing, type ListPosition, type ListQuery, positionBefore } from '../../src/kv/listing.ts';
import type { Store } from '../../src/kv/store.ts';
import { listQuery, put, remove } from '../support/operations.ts';
import { StoreModel } from '../support/store-model.ts';

async function listed(store: Store, query: ListQuery): Promise<Listing> {
  const page = await store.list(query);
  if (page.kind === 'failed') throw new Error(`${page.code}: ${page.detail}`);
  return page;
}

/** Page after page, as texts: `key`, or `prefix…`. */
async function walked(store: Store, query: ListQuery): Promise<string[]> {
  const texts: string[] = [];
  let after: ListPosition | undefined = query.after;
  do {
    const page: Listing = await listed(store, { ...query, after });
    expect(page.entries.length).toBeLessThanOrEqual(query.limit);
    texts.push(...page.entries.map(({ kind, key }) => `${key.toString('latin1')}${kind === 'prefix' ? '…' : ''}`));
    after = page.next;
  } while (after !== undefined);
  return texts;
}

export function describeListing(storeNow: () => Store): void {
  describe('listings', () => {
    test('of nothing are empty', async () => {
      expect(await listed(storeNow(), listQuery())).toEqual({ kind: 'listing', entries: [], next: undefined });
    });

    test('tell of each key what a read would tell, and its value if asked for', async () => {
      const expiresAtMs = Date.now() + 3_600_000;
      const store = storeNow();
      const first = await store.execute(put('a', 'one', 'a/a', { expiresAtMs }));
      const second = await store.execute(put('b', '', ''));
      const common = { kind: 'key', version: expect.any(Number), contentType: 'a/a', expiresAtMs, valueBytes: 3 };
      const plain = await listed(store, listQuery());
      expect(plain.entries).toEqual([
        { ...common, key: Buffer.from('a'), version: (first as { version: number }).version },
        {
          kind: 'key',
          key: Buffer.from('b'),
          version: (second as { version: number }).version,
          contentType: '',
          valueBytes: 0,
        },
      ]);
      const withValues = await listed(store, listQuery({ values: true }));
      expect(withValues.entries.map((entry) => entry.kind === 'key' && entry.value?.toString())).toEqual(['one', '']);
    });

    test('leave out what has expired and what was deleted', async () => {
      const store = storeNow();
      await store.execute(put('a', '1', '', { expiresAtMs: Date.now() + 20 }));
      await store.execute(put('b', '2'));
      await store.execute(put('c', '3'));
      await store.execute(remove('c'));
      await new Promise((resolve) => setTimeout(resolve, 25));
      expect(await walked(store, listQuery())).toEqual(['b']);
    });

    test('hold pages to four mebibytes of values, whatever their limit', async () => {
      const store = storeNow();
      const value = Buffer.alloc(900 * 1024, 'x');
      for (let n = 0; n < 11; n++) await store.execute(put(`k${n + 10}`, value));
      const page = await listed(store, listQuery({ values: true }));
      expect(page.entries.length).toBeLessThanOrEqual(4);
      expect(await walked(store, listQuery({ values: true }))).toHaveLength(11);
    });

    test('of any keys and any query are those of a sorted map, in pages of any length', async () => {
      // Bytes at the edges: prefixes that have no successor, and those that are prefixes of one another.
      const piece = fc.constantFrom('a', 'b', '/', '{t}', '\xff', '\0', 'ü');
      const name = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
      const names = fc.uniqueArray(name, { maxLength: 40 });
      const query = fc.record({
        prefix: fc.oneof(fc.constant(''), piece, fc.constant('\xff\xff')),
        delimiter: fc.option(fc.constantFrom('/', 'a', '\xff'), { nil: undefined }),
        limit: fc.integer({ min: 1, max: 12 }),
        reverse: fc.boolean(),
        start: fc.option(name, { nil: undefined }),
      });
      await fc.assert(
        fc.asyncProperty(names, fc.array(query, { maxLength: 5 }), async (all, queries) => {
          const store = storeNow();
          const model = new StoreModel();
          for (const text of all) {
            const operation = put(Buffer.from(text, 'latin1'), 'v');
            model.faultOf(operation, await store.execute(operation), 0);
          }
          for (const { prefix, delimiter, limit, reverse, start } of queries) {
            const begin = start === undefined ? undefined : Buffer.from(start, 'latin1');
            const asked: ListQuery = {
              ...listQuery({ limit, reverse, after: begin && positionBefore(begin, { reverse }) }),
              prefix: Buffer.from(prefix, 'latin1'),
              delimiter: delimiter === undefined ? undefined : Buffer.from(delimiter, 'latin1'),
            };
            const isListed = (key: Buffer) =>
              begin === undefined || (reverse ? -1 : 1) * Buffer.compare(key, begin) >= 0;
            expect(await walked(store, asked)).toEqual(model.listing(asked, 0, isListed));
          }
          for (const text of all) await store.execute(remove(Buffer.from(text, 'latin1')));
        }),
        { numRuns: 40 },
      );
    });

    test('go on after any key, there or not', async () => {
      const store = storeNow();
      for (const key of ['a', 'b', 'd']) await store.execute(put(key, key));
      for (const [after, rest] of [
        ['a', ['b', 'd']],
        ['c', ['d']],
        ['d', []],
        ['', ['a', 'b', 'd']],
      ] as const) {
        expect(await walked(store, listQuery({ after: { kind: 'key', bytes: Buffer.from(after) } }))).toEqual(rest);
      }
    });

    test('go from the last key to the first, with what a read would tell, page by page', async () => {
      const store = storeNow();
      for (const key of ['a', 'b/1', 'b/2', 'c']) await store.execute(put(key, key));
      const { entries, next } = await listed(store, listQuery({ reverse: true, limit: 2, values: true }));
      const told = entries.map((entry) => entry.kind === 'key' && [String(entry.key), String(entry.value)]);
      expect(told).toEqual([
        ['c', 'c'],
        ['b/2', 'b/2'],
      ]);
      expect(await walked(store, listQuery({ reverse: true, after: next }))).toEqual(['b/1', 'a']);
      expect(await walked(store, listQuery({ reverse: true, limit: 1, delimiter: '/' }))).toEqual(['c', 'b/…', 'a']);
      expect(await walked(store, listQuery({ reverse: true, prefix: 'b/' }))).toEqual(['b/2', 'b/1']);
    });
  });
}
