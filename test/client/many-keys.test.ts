/** The client against the real app: listings, batches, updates and changes. */

import { expect, test } from 'vitest';
import type { Change } from '../../src/client/change-watch.ts';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';
import { allOf } from '../support/all-of.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { startRestApp } from '../support/rest-app.ts';

async function connected(options = {}): Promise<ShardliteClient> {
  const { url } = await startRestApp();
  return connect(url, options);
}

test('a listing goes on from page to page to the last key', async () => {
  const kv = await connected();
  const keys = Array.from({ length: 25 }, (_, index) => `k${String(index).padStart(2, '0')}`);
  await kv.batch(keys.map((key) => ({ op: 'put', key, value: key }) as const));
  const listed = async (options: object) => (await allOf(kv.list(options))).map(({ key }) => key);
  expect(await listed({ pageSize: 7 })).toEqual(keys);
  expect(await listed({ pageSize: 5, prefix: 'k1', startAfter: 'k12' })).toEqual(keys.slice(13, 20));
  expect(await listed({ startAfter: Uint8Array.of(0x6b, 0x32, 0x33) })).toEqual(['k24']);
  expect(await listed({ pageSize: 4, reverse: true })).toEqual(keys.toReversed());
  expect(await listed({ pageSize: 4, start: 'k22' })).toEqual(['k22', 'k23', 'k24']);
  expect(await listed({ pageSize: 1, start: 'k02', reverse: true })).toEqual(['k02', 'k01', 'k00']);
  await kv.batch([
    { op: 'put', key: 'a/1', value: 1 },
    { op: 'put', key: 'a/2', value: 2 },
    { op: 'put', key: 'b', value: 3 },
  ]);
  const folders = await allOf(kv.list({ delimiter: '/', pageSize: 1, values: true }));
  expect(folders.slice(0, 2)).toMatchObject([{ prefix: 'a/' }, { key: 'b', value: 3 }]);
  await expect(allOf(kv.list({ pageSize: 1_001 }))).rejects.toMatchObject({ code: 'parameter-invalid' });
});

test('each operation of a batch has a result of its own', async () => {
  const kv = await connected();
  const results = await kv.batch([
    { op: 'put', key: 'a', value: { deep: [1] } },
    { op: 'put', key: 'a', value: 2, ifAbsent: true },
    { op: 'get', key: 'a' },
    { op: 'get', key: 'nothing' },
    { op: 'increment', key: 'n', by: 3n },
    { op: 'increment', key: 'a' },
    { op: 'touch', key: 'n', ttl: 60 },
    { op: 'touch', key: 'nothing', expiresAt: 'never' },
    { op: 'delete', key: 'n' },
  ]);
  expect(results).toMatchObject([
    { ok: true, created: true },
    { ok: false, error: { code: 'condition-not-met', status: 412 } },
    { ok: true, entry: { key: 'a', value: { deep: [1] } } },
    { ok: true, entry: undefined },
    { ok: true, number: 3n },
    { ok: false, error: { code: 'counter-not-a-number' } },
    { ok: true, version: expect.any(Number) },
    { ok: false, error: { code: 'key-not-found', status: 404 } },
    { ok: true },
  ]);
});

test('an atomic batch is done as a whole, or rejects with what was refused', async () => {
  const kv = await connected();
  const operations = [
    { op: 'increment', key: '{cart}/count' },
    { op: 'put', key: '{cart}/item', value: 'book', ifAbsent: true },
  ] as const;
  expect(await kv.batch(operations, { atomic: true })).toMatchObject([{ number: 1n }, { created: true }]);
  await expect(kv.batch(operations, { atomic: true })).rejects.toMatchObject({ code: 'condition-not-met' });
  expect(await kv.get('{cart}/count')).toBe('1');
  const reading = await kv.batch([{ op: 'get', key: '{cart}/nothing' }], { atomic: true });
  expect(reading).toEqual([{ ok: true, entry: undefined }]);
  const touching = [...operations.slice(0, 1), { op: 'touch', key: '{cart}/nothing', ttl: 60 }] as const;
  await expect(kv.batch(touching, { atomic: true })).rejects.toMatchObject({ code: 'key-not-found' });
});

test('updates of one value by many are all in it, and its expiry stays', async () => {
  const kv = await connected();
  const expiresAt = Date.now() + 60_000;
  await kv.put('list', [], { expiresAt });
  const adders = Array.from({ length: 8 }, (_, adder) => kv.update<number[]>('list', (all = []) => [...all, adder]));
  await Promise.all(adders);
  expect((await kv.get<number[]>('list'))?.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect((await kv.getEntry('list'))?.expiresAt).toBe(expiresAt);
  expect(await kv.update('new', () => 'made')).toBe('made');
  expect(await kv.update<string>('new', () => undefined)).toBe('made');
  await expect(
    kv.update('new', () => {
      throw new RangeError('no');
    }),
  ).rejects.toThrow(RangeError);
  expect(await kv.get('new')).toBe('made');
});

test('a value that expires while it is updated is made anew', async () => {
  const kv = await connected();
  const expiresAt = Date.now() + 1_500;
  await kv.put('short', 'old', { expiresAt });
  const seen: unknown[] = [];
  await kv.update('short', async (value) => {
    seen.push(value);
    while (Date.now() < expiresAt + 5) await new Promise((resolve) => setTimeout(resolve, 5));
    return 'new';
  });
  expect(seen).toEqual(['old', undefined]);
  expect(await kv.getEntry('short')).not.toHaveProperty('expiresAt');
});

test('reads of one turn leave as one batch where that is asked for, each with its own end', async () => {
  const { url, executed } = await startRestApp();
  const kv = connect(url, { batchGets: true });
  const large = new Uint8Array(1024 * 1024).fill(0xff);
  const keys = Array.from({ length: 17 }, (_, index) => `large-${index}`);
  await kv.put('small', 'there');
  await Promise.all(keys.map((key) => kv.put(key, large)));
  executed.length = 0;
  // Together they are more than a batch may read: the rest is asked for one by one.
  const values = await Promise.all(keys.map((key) => kv.get<Uint8Array>(key)));
  expect(values.every((value) => value !== undefined && Buffer.compare(value, large) === 0)).toBe(true);
  expect(executed.length).toBeGreaterThan(keys.length);
  executed.length = 0;
  const [nothing, unsound, there] = await Promise.allSettled([kv.get('nothing'), kv.get(''), kv.get('small')]);
  expect(nothing).toEqual({ status: 'fulfilled', value: undefined });
  expect(unsound).toMatchObject({ status: 'rejected', reason: { code: 'key-empty' } });
  expect(there).toEqual({ status: 'fulfilled', value: 'there' });
});

test('reads of one turn that can be answered together are one request', async () => {
  const { port } = await startRestApp();
  const proxy = new CuttingProxy();
  await proxy.start(port);
  const kv = connect(`http://127.0.0.1:${proxy.port}`, { batchGets: true });
  const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
  expect(await Promise.all(keys.map((key) => kv.get(key)))).toEqual(keys.map(() => undefined));
  expect(proxy.connections).toBe(1);
});

test('a watch tells of each change behind its beginning, goes on after a position, and ends with its signal', async () => {
  const kv = await connected();
  await kv.put('there/before', 1);
  const over = new AbortController();
  const changes: Change[] = [];
  let watching: Promise<void> | undefined;
  await new Promise<void>((resolve) => {
    watching = (async () => {
      const options = { prefix: 'there/', signal: over.signal, onPosition: () => resolve() };
      for await (const change of kv.changes(options)) changes.push(change);
    })();
  });
  const { version } = await kv.put('there/one', 'ä');
  await kv.put('elsewhere', 1);
  await kv.delete('there/one');
  await kv.put(new Uint8Array([...new TextEncoder().encode('there/'), 0xff]), 2);
  await expect.poll(() => changes.length).toBe(3);
  over.abort();
  await watching;
  expect(changes).toMatchObject([
    { type: 'put', key: 'there/one', version },
    { type: 'delete', key: 'there/one' },
    { type: 'put', keyBytes: { length: 7 } },
  ]);
  const [first] = changes;
  for await (const change of kv.changes({ after: first?.id as string, prefix: 'there/' })) {
    expect(change).toEqual(changes[1]);
    break;
  }
  await expect(kv.changes({ after: 'nonsense' }).next()).rejects.toMatchObject({ code: 'parameter-invalid' });
});
