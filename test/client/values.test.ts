/** The client against the real app: what is put is what is got, under every key, and every refusal has its code. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';
import { hasCode, ShardliteError } from '../../src/client/shardlite-error.ts';
import { allOf } from '../support/all-of.ts';
import { startRestApp } from '../support/rest-app.ts';

async function connected(): Promise<ShardliteClient> {
  const { url } = await startRestApp();
  return connect(url);
}

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.constantFrom('', '\ufeffbyte order mark', '{"not":"parsed"}', '5', '\0', 'a\r\nb'),
);
const byteRows = fc.uint8Array({ maxLength: 300 });
const json = fc.oneof(fc.jsonValue({ depthSize: 'small' }), fc.constantFrom(null, 0, false, [], {}));

test('text comes back as text, bytes as bytes, everything else as JSON has it: alone, in a batch and in a listing', async () => {
  const kv = await connected();
  await fc.assert(
    fc.asyncProperty(fc.oneof(texts, byteRows, json), async (value) => {
      await kv.put('single', value);
      await kv.batch([{ op: 'put', key: 'batched', value }]);
      const [read] = await kv.batch([{ op: 'get', key: 'single' }]);
      // What JSON has of it: -0 is 0.
      const expected = typeof value === 'object' && !(value instanceof Uint8Array) ? viaJson(value) : value;
      expect(await kv.get('single')).toEqual(typeof value === 'number' ? viaJson(value) : expected);
      expect(read.ok && read.entry?.value).toEqual(await kv.get('single'));
      const listed = await allOf(kv.list({ values: true }));
      expect(listed.map((entry) => entry.value)).toEqual([await kv.get('single'), await kv.get('single')]);
      expect(listed.map(({ contentType }) => contentType)).toEqual(
        Array(2).fill((await kv.getEntry('single'))?.contentType),
      );
    }),
    { numRuns: 40 },
  );
});

function viaJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

test('a key of any text or bytes names one value: written, read, listed, batched, counted and deleted', async () => {
  const kv = await connected();
  const keys = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.constantFrom('.', '..', 'a/../b', 'a b', '%41', '?', '#', '+', 'ä/ö', '\0'),
  );
  await fc.assert(
    fc.asyncProperty(keys, async (key) => {
      await kv.put(key, 'value');
      expect(await kv.get(key)).toBe('value');
      const [listed] = await allOf(kv.list({ prefix: key }));
      expect(listed?.keyBytes ?? listed?.key).toEqual(textIfPossible(key));
      expect(await kv.batch([{ op: 'delete', key }])).toEqual([{ ok: true }]);
      expect(await kv.get(key)).toBeUndefined();
      expect(await kv.increment(key, 2)).toBe(2);
      await kv.delete(key);
      expect(await allOf(kv.list())).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

function textIfPossible(key: string | Uint8Array): string | Uint8Array {
  if (typeof key === 'string') return key;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(key);
  } catch {
    return key;
  }
}

test('an entry tells version, content type, size and expiry', async () => {
  const kv = await connected();
  const expiresAt = Date.now() + 60_000;
  const { version, created } = await kv.put('page', '<p>', { contentType: 'text/html', expiresAt });
  expect(created).toBe(true);
  const entry = { key: 'page', version, contentType: 'text/html', bytes: 3, value: '<p>', expiresAt };
  expect(await kv.getEntry('page')).toEqual(entry);
  expect(await kv.batch([{ op: 'get', key: 'page' }])).toEqual([{ ok: true, entry }]);
  expect(await allOf(kv.list({ values: true }))).toEqual([entry]);
  expect(await kv.getBytes('page')).toEqual(new TextEncoder().encode('<p>'));
  expect((await kv.put('page', 'again', { ttl: 5 })).created).toBe(false);
  expect((await kv.getEntry('page'))?.expiresAt).toBeLessThan(Date.now() + 6_000);
  expect(await kv.getEntry('nothing')).toBeUndefined();
  expect(await kv.getBytes('nothing')).toBeUndefined();
});

test('a touch sets the expiry or takes it away, and gives the value to who asks; of nothing it gives nothing', async () => {
  const kv = await connected();
  const written = await kv.put('session', { user: 'ada' });
  const touched = await kv.touch('session', { ttl: 60 });
  expect(touched?.version).toBeGreaterThan(written.version);
  expect(Math.abs((touched?.expiresAt ?? 0) - Date.now() - 60_000)).toBeLessThan(5_000);
  expect(await kv.getAndTouch('session', { expiresAt: 'never' })).toEqual({ user: 'ada' });
  expect(await kv.getEntry('session')).not.toHaveProperty('expiresAt');
  expect(await kv.touch('nothing', { ttl: 60 })).toBeUndefined();
  expect(await kv.getAndTouch('nothing', { ttl: 60 })).toBeUndefined();
  await expect(kv.touch('session', { ttl: 60, ifVersion: 1 })).rejects.toMatchObject({ code: 'condition-not-met' });
  await expect(kv.touch('session', { ttl: 0 })).rejects.toMatchObject({ code: 'parameter-invalid' });
});

test('what is stored as JSON or text and is neither comes back as what it is', async () => {
  const kv = await connected();
  await kv.put('broken', '{', { contentType: 'application/problem+json' });
  await kv.put('latin1', Uint8Array.of(0xe4), { contentType: 'text/plain; charset=iso-8859-1' });
  expect([await kv.get('broken'), await kv.get('latin1')]).toEqual(['{', Uint8Array.of(0xe4)]);
});

test('a value that cannot be stored is refused before anything is sent', async () => {
  const { url, executed } = await startRestApp();
  const kv = connect(url);
  await expect(kv.put('key', undefined)).rejects.toThrow(/undefined/);
  await expect(kv.put('key', () => 1)).rejects.toThrow(/function/);
  await expect(kv.put('key', '\ud800')).rejects.toThrow(/surrogate/);
  await expect(kv.get('\ud800')).rejects.toThrow(/surrogate/);
  await expect(kv.put('key', 'value', { idempotencyKey: 'ä€' })).rejects.toMatchObject({
    code: 'idempotency-key-invalid',
  });
  expect(executed).toEqual([]);
  expect(() => connect('no url')).toThrow(TypeError);
});

test('conditions hold or refuse with condition-not-met, and change nothing then', async () => {
  const kv = await connected();
  const notMet = { name: 'ShardliteError', code: 'condition-not-met', status: 412 };
  const { version } = await kv.put('key', 1, { ifAbsent: true });
  await expect(kv.put('key', 2, { ifAbsent: true })).rejects.toMatchObject(notMet);
  await expect(kv.put('key', 2, { ifVersion: version + 1 })).rejects.toMatchObject(notMet);
  await expect(kv.delete('other', { ifPresent: true })).rejects.toMatchObject(notMet);
  await expect(kv.increment('key', 1, { ifAbsent: true })).rejects.toMatchObject(notMet);
  expect(await kv.get('key')).toBe(1);
  await kv.put('key', 2, { ifVersion: version });
  await kv.delete('key', { ifPresent: true });
  expect(await kv.get('key')).toBeUndefined();
});

test('a refusal has the code and the sentence of the service', async () => {
  const kv = await connected();
  const refusal = await kv.put('key', 'value', { ttl: 0 }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ShardliteError);
  expect(hasCode(refusal, 'parameter-invalid')).toBe(true);
  expect((refusal as Error).message).toMatch(/^ttl must be a whole number/);
  await expect(kv.get('')).rejects.toMatchObject({ code: 'key-empty' });
  await kv.put('text', 'text');
  await expect(kv.increment('text')).rejects.toMatchObject({ code: 'counter-not-a-number', status: 409 });
});

test('a counter gives a number to who adds a number, and all of its 64 bits to who adds a bigint', async () => {
  const kv = await connected();
  const sums: [number, number, bigint] = [
    await kv.increment('a'),
    await kv.increment('a', -5),
    await kv.increment('b', 2n ** 62n + 1n),
  ];
  expect(sums).toEqual([1, -4, 2n ** 62n + 1n]);
  expect(await kv.batch([{ op: 'increment', key: 'b', by: 1 }])).toMatchObject([{ number: 2n ** 62n + 2n }]);
});

test('a counter expires as it is told with an increment, and else as before', async () => {
  const kv = await connected();
  const expiresAt = Date.now() + 60_000;
  const expiry = async () => (await kv.getEntry('n'))?.expiresAt;
  await kv.increment('n', 1, { expiresAt });
  await kv.increment('n');
  expect(await expiry()).toBe(expiresAt);
  await kv.batch([{ op: 'increment', key: 'n', expiresAt: 'never' }]);
  expect(await expiry()).toBeUndefined();
  await kv.increment('n', 1, { ttl: 60 });
  expect(Math.abs(((await expiry()) ?? 0) - expiresAt)).toBeLessThan(5_000);
});

test('one name is applied once, also in a call of its own', async () => {
  const kv = await connected();
  const options = { idempotencyKey: 'order-7' };
  expect([await kv.increment('n', 1, options), await kv.increment('n', 1, options)]).toEqual([1, 1]);
  await expect(kv.increment('n', 2, options)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  expect([await kv.increment('n'), await kv.increment('n')]).toEqual([2, 3]);
});
