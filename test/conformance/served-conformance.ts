/** What every Store promises once it is served: deleting by prefix and, where it keeps a feed, watching from the start. */

import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/client/change-watch.ts';
import { connect } from '../../src/client/connect.ts';
import { deletePrefix } from '../../src/http/prefix-deletion.ts';
import type { Store } from '../../src/kv/store.ts';
import { allOf } from '../support/all-of.ts';
import { get, put } from '../support/operations.ts';
import { Random } from '../support/random.ts';
import { startRestAppOver } from '../support/rest-app.ts';

async function fill(store: Store, prefix: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => store.execute(put(`${prefix}${n}`, `${n}`))));
}

export function describeServed(storeNow: () => Store): void {
  describe('deleting by prefix', () => {
    test('leaves no key that was there and begins so, and every other one', async () => {
      const store = storeNow();
      await fill(store, 'old/', 600);
      await fill(store, 'older', 3);
      const kv = connect((await startRestAppOver(store)).url);
      const told: number[] = [];
      const done = await kv.deletePrefix('old/', { onProgress: ({ deleted }) => told.push(deleted) });
      expect(done).toEqual({ deleted: 600, kept: 0 });
      expect(told.length).toBeGreaterThan(2);
      expect(told).toEqual([...told].sort((a, b) => a - b));
      expect((await allOf(kv.list())).map(({ key }) => key)).toEqual(['older0', 'older1', 'older2']);
      expect(await kv.deletePrefix('old/')).toEqual({ deleted: 0, kept: 0 });
      expect(await kv.deletePrefix('', { all: true })).toEqual({ deleted: 3, kept: 0 });
    });

    test('keeps what is written after it was listed', async () => {
      const store = storeNow();
      await fill(store, 'k', 5);
      const meddling = {
        execute: store.execute.bind(store),
        list: async (query: Parameters<Store['list']>[0]) => {
          const page = await store.list(query);
          await store.execute(put('k2', 'new'));
          return page;
        },
      };
      const steps = await allOf(deletePrefix(meddling, Buffer.from('k'), undefined));
      expect(steps.at(-1)).toEqual({ deleted: 4, kept: 1, next: undefined });
      expect(await store.execute(get('k2'))).toMatchObject({ kind: 'value', value: Buffer.from('new') });
      expect(await store.execute(get('k3'))).toEqual({ kind: 'absent' });
    });

    test('goes on where it broke off', async () => {
      const store = storeNow();
      await fill(store, 'k', 700);
      const { value: first } = await deletePrefix(store, Buffer.from('k'), undefined).next();
      const { deleted } = first as { deleted: number };
      expect([deleted > 0, deleted < 700]).toEqual([true, true]);
      const steps = await allOf(deletePrefix(store, Buffer.from('k'), first?.next));
      expect(steps.at(-1)).toEqual({ deleted: 700 - deleted, kept: 0, next: undefined });
    });
  });

  describe('watching', () => {
    test('from the start makes a replica, while clients write', async (context) => {
      const store = storeNow();
      if (store.feed === undefined) return context.skip('it keeps no feed');
      await fill(store, 'there/', 2_500);
      const kv = connect((await startRestAppOver(store)).url);
      const over = new AbortController();
      const changes: Change[] = [];
      const replica = new Map<string, unknown>();
      let isLive = false;
      const onLive = () => {
        isLive = true;
      };
      const options = { from: 'start', values: true, signal: over.signal, onLive } as const;
      const watching = (async () => {
        for await (const change of kv.changes(options)) {
          changes.push(change);
          const { type, key, value, gone } = change;
          if (type !== 'put') replica.delete(key);
          else if (!gone) replica.set(key, value);
        }
      })();
      const random = new Random(7);
      const writer = async (name: number) => {
        for (let n = 0; !isLive || n < 40; n++) {
          const key = `${random.pick(['there/', 'a/', 'z/'])}${random.below(60)}`;
          if (random.chance(0.3)) await kv.delete(key);
          else await kv.put(key, `${name}:${n}`);
        }
      };
      await Promise.all([1, 2, 3].map(writer));
      await kv.put('zz/last', 'last');
      await expect.poll(() => replica.get('zz/last')).toBe('last');
      over.abort();
      await watching;
      const there = await allOf(kv.list({ values: true }));
      expect([...replica].sort(byKey)).toEqual(there.map(({ key, value }) => [key, value]));
      for (const key of new Set(changes.map((change) => change.key))) {
        const versions = changes.filter((change) => change.key === key).map(({ version }) => version);
        expect(versions, key).toEqual([...new Set(versions)].sort((a, b) => a - b));
      }
    });

    test('tells with each put the value as it left it, or that it is gone', async (context) => {
      const store = storeNow();
      if (store.feed === undefined) return context.skip('it keeps no feed');
      const kv = connect((await startRestAppOver(store)).url);
      const ids: string[] = [];
      const over = new AbortController();
      const watching = (async () => {
        for await (const _ of kv.changes({ onPosition: (id) => ids.push(id), signal: over.signal }));
      })();
      await expect.poll(() => ids.length).toBe(1);
      over.abort();
      await watching;
      const expiresAt = Date.now() + 3_600_000;
      await kv.put('a', 'replaced');
      await kv.put('a', { as: 'JSON' }, { expiresAt });
      await kv.put('bytes', Uint8Array.of(0xff));
      await kv.put('b', 'deleted');
      await kv.delete('b');
      await kv.increment('n', 5);
      await kv.put('c', 'last');
      const changes: Change[] = [];
      for await (const change of kv.changes({ after: ids[0] as string, values: true })) {
        changes.push(change);
        if (change.key === 'c') break;
      }
      const of = (key: string) => changes.filter((change) => change.key === key);
      expect(of('a')).toMatchObject([
        { type: 'put', gone: true },
        { type: 'put', value: { as: 'JSON' }, contentType: 'application/json', expiresAt },
      ]);
      expect(of('a')[0]).not.toHaveProperty('value');
      expect(of('bytes')).toMatchObject([{ value: Uint8Array.of(0xff), contentType: 'application/octet-stream' }]);
      expect(of('b')).toMatchObject([{ type: 'put', gone: true }, { type: 'delete' }]);
      expect(of('n')).toMatchObject([{ type: 'put', value: '5' }]);
    });
  });
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
