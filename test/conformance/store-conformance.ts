/** What every Store promises, whatever lies behind it. Run by one test file a store. */

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { keyOfText } from '../../src/kv/key.ts';
import type { KeyOperation, Outcome, Store } from '../../src/kv/store.ts';
import { slotOf } from '../../src/partition/slot.ts';

/** Opens a store without a key; it is closed at the end of the test. */
export type OpenStore = () => Promise<Store>;

export function get(key: string | Buffer): KeyOperation {
  return { kind: 'get', ...addressed(key) };
}

function head(key: string | Buffer): KeyOperation {
  return { kind: 'head', ...addressed(key) };
}

export function put(key: string | Buffer, value: string | Buffer, contentType = 'text/plain'): KeyOperation {
  return { kind: 'put', ...addressed(key), contentType, value: Buffer.from(value as string) };
}

export function remove(key: string | Buffer): KeyOperation {
  return { kind: 'delete', ...addressed(key) };
}

function addressed(key: string | Buffer): { slot: number; key: Buffer } {
  const bytes = typeof key === 'string' ? keyOfText(key) : key;
  return { slot: slotOf(bytes), key: bytes };
}

function versionOf(outcome: Outcome): number {
  if (!('version' in outcome)) throw new Error(`${outcome.kind} has no version`);
  return outcome.version;
}

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
      const key = fc.constantFrom('a', 'b', '{tag}1', '{tag}2', 'ключ');
      const operation = fc.oneof(
        key.map((name) => get(name)),
        key.map((name) => head(name)),
        key.map((name) => remove(name)),
        fc
          .tuple(key, fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', 'text/plain', 'application/json'))
          .map(([name, value, type]) => put(name, Buffer.from(value), type)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (history) => {
          const fresh = await open();
          const model = new Map<string, { value: Buffer; contentType: string }>();
          for (const operation of history) expectAsModel(model, operation, await fresh.execute(operation));
        }),
        { numRuns: 40 },
      );
    });
  });
}

function expectAsModel(
  model: Map<string, { value: Buffer; contentType: string }>,
  operation: KeyOperation,
  outcome: Outcome,
): void {
  const key = operation.key.toString('hex');
  const held = model.get(key);
  switch (operation.kind) {
    case 'get':
      expect(outcome).toMatchObject(held === undefined ? { kind: 'absent' } : { kind: 'value', ...held });
      return;
    case 'head':
      expect(outcome).toMatchObject(
        held === undefined
          ? { kind: 'absent' }
          : { kind: 'metadata', contentType: held.contentType, valueBytes: held.value.length },
      );
      return;
    case 'put':
      expect(outcome.kind).toBe(held === undefined ? 'created' : 'replaced');
      model.set(key, { value: operation.value, contentType: operation.contentType });
      return;
    case 'delete':
      expect(outcome.kind).toBe('deleted');
      model.delete(key);
      return;
  }
}
