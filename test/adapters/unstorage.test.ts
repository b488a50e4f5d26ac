/** The driver for unstorage against the real app: whatever is done to it and to unstorage's own memory, both answer the same. */

import fc from 'fast-check';
import { createStorage, type Storage } from 'unstorage';
import memoryDriver from 'unstorage/drivers/memory';
import { expect, test } from 'vitest';
import shardliteDriver from '../../src/adapters/unstorage.ts';
import { connect } from '../../src/client/connect.ts';
import { allOf } from '../support/all-of.ts';
import { startRestApp } from '../support/rest-app.ts';

const keys = fc.constantFrom('a', 'a:b', 'a:b:c', 'b:é', 'b:c?query', '/slashed/key', 'cb', 'a%2Fb');
const bases = fc.constantFrom(undefined, 'a', 'a:b', 'b', 'nothing');
const values = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'true', '5', '{"a":1}', 0, false, true, 7.5, [], { deep: { list: [1, 'two'] } }),
);
const bytes = fc.uint8Array({ maxLength: 40 });

type Step = (storage: Storage) => Promise<unknown>;

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(keys, values).map(
    ([key, value]): Step =>
      (storage) =>
        storage.setItem(key, value),
  ),
  fc.tuple(keys, bytes).map(
    ([key, value]): Step =>
      async (storage) => {
        await storage.setItemRaw(key, value);
        return [...((await storage.getItemRaw(key)) as Uint8Array)];
      },
  ),
  fc.tuple(keys, keys, values).map(
    ([one, other, value]): Step =>
      async (storage) => {
        await storage.setItems([one, other].map((key) => ({ key, value: value as string })));
        return storage.getItems([one, other, 'nothing']);
      },
  ),
  keys.map(
    (key): Step =>
      async (storage) => {
        // Raw bytes are not for getItem: drivers differ in what they make of them.
        const isThere = await storage.hasItem(key);
        await storage.removeItem(key);
        return [isThere, await storage.getItem(key), await storage.hasItem(key)];
      },
  ),
  fc.tuple(keys, values).map(
    ([key, value]): Step =>
      async (storage) => {
        await storage.setItem(key, value);
        return storage.getItem(key);
      },
  ),
  fc.tuple(bases, fc.option(fc.nat(2), { nil: undefined })).map(
    ([base, maxDepth]): Step =>
      async (storage) =>
        (await storage.getKeys(base, maxDepth === undefined ? {} : { maxDepth })).sort(),
  ),
  bases.map(
    (base): Step =>
      (storage) =>
        storage.clear(base),
  ),
);

test('a program sees no difference between this driver and memory', async () => {
  const { url } = await startRestApp();
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (program) => {
      const ours = createStorage({ driver: shardliteDriver({ url }) });
      const memory = createStorage({ driver: memoryDriver() });
      for (const step of program) expect(await step(ours)).toEqual(await step(memory));
      await ours.clear();
    }),
    { numRuns: 40 },
  );
});

test('a driver keeps to its base, and its values end', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  await kv.put('unstoragf', 1);
  const storage = createStorage({ driver: shardliteDriver({ url, ttl: 60 }) });
  await createStorage({ driver: shardliteDriver({ url, base: 'cache:' }) }).setItem('key', 'there');
  await storage.setItem('key', 'value');
  await storage.setItem('short', 'value', { ttl: 5 });
  const left = await allOf(kv.list({ prefix: 'unstorage:' }));
  const seconds = left.map(({ key, expiresAt }) => [key, Math.round(((expiresAt ?? 0) - Date.now()) / 30_000) * 30]);
  expect(seconds).toEqual([
    ['unstorage:key', 60],
    ['unstorage:short', 0],
  ]);
  await storage.clear();
  expect((await allOf(kv.list())).map(({ key }) => key)).toEqual(['cache:key', 'unstoragf']);
});
