/** What every Store promises, whatever lies behind it. Run by one test file a store. */

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/kv/store.ts';
import { anyOperation } from '../support/any-operation.ts';
import { get, head, put, remove, versionOf } from '../support/operations.ts';
import { StoreModel } from '../support/store-model.ts';
import { describeData } from './data-conformance.ts';
import { describeListing } from './listing-conformance.ts';
import { describeServed } from './served-conformance.ts';

/** Opens a store without a key; it is closed at the end of the test. */
export type OpenStore = () => Promise<Store>;

export function describeStore(name: string, open: OpenStore): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });

    test('a key that was never written is absent', async () => {
      expect(await store.execute(get('nothing'))).toEqual({ kind: 'absent' });
      expect(await store.execute(head('nothing'))).toEqual({ kind: 'absent' });
    });

    test('what was put is given back, byte for byte, with its content type and version', async () => {
      const created = await store.execute(put('greeting', 'hello', 'text/plain; charset=utf-8'));
      expect(created.kind).toBe('created');
      const version = versionOf(created);
      expect(await store.execute(get('greeting'))).toEqual({
        kind: 'value',
        version,
        contentType: 'text/plain; charset=utf-8',
        value: Buffer.from('hello'),
      });
      expect(await store.execute(head('greeting'))).toEqual({
        kind: 'metadata',
        version,
        contentType: 'text/plain; charset=utf-8',
        valueBytes: 5,
      });
    });

    test('a second put replaces value and content type under a higher version', async () => {
      const first = await store.execute(put('key', 'one', 'a/b'));
      const second = await store.execute(put('key', '', ''));
      expect(second.kind).toBe('replaced');
      expect(versionOf(second)).toBeGreaterThan(versionOf(first));
      expect(await store.execute(get('key'))).toMatchObject({ kind: 'value', contentType: '', value: Buffer.alloc(0) });
    });

    test('a deleted key is absent, deleting it again is no error, and writing it again creates it under a higher version', async () => {
      const first = await store.execute(put('key', 'one'));
      expect((await store.execute(remove('key'))).kind).toBe('deleted');
      expect(await store.execute(get('key'))).toEqual({ kind: 'absent' });
      expect((await store.execute(remove('key'))).kind).toBe('deleted');
      const again = await store.execute(put('key', 'two'));
      expect(again.kind).toBe('created');
      expect(versionOf(again)).toBeGreaterThan(versionOf(first));
    });

    test('versions of one key differ even when it is written many times in one event-loop turn', async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => store.execute(put('key', `value ${n}`))));
      const versions = outcomes.map(versionOf);
      expect(new Set(versions).size).toBe(50);
      expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      const winner = versions.indexOf(Math.max(...versions));
      expect(await store.execute(get('key'))).toMatchObject({ value: Buffer.from(`value ${winner}`) });
    });

    test('a value of 1 MiB and keys of 1 and 1,024 arbitrary bytes come back whole', async () => {
      const value = Buffer.alloc(1024 * 1024, 'every byte counts, none is special \0\xff\r\n', 'latin1');
      const keys = [Buffer.from([0]), Buffer.alloc(1024, 0xff)];
      for (const key of keys) expect((await store.execute(put(key, value))).kind).toBe('created');
      for (const key of keys) {
        const outcome = await store.execute(get(key));
        expect(outcome.kind === 'value' && outcome.value.equals(value)).toBe(true);
      }
    });

    test('any history of operations on a few keys answers as a map would', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyOperation, { maxLength: 40 }), async (history) => {
          const fresh = await open();
          const model = new StoreModel();
          for (const operation of history) {
            const outcome = await fresh.execute(operation);
            expect(model.faultOf(operation, outcome, 0)).toBeUndefined();
          }
        }),
        { numRuns: 40 },
      );
    });

    describeData(() => store);
    describeListing(() => store);
    describeServed(() => store);
  });
}
