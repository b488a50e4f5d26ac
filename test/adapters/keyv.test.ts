/** The store for Keyv against the real app: Keyv's own suite for stores, and that it keeps to its own keys. */

import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import * as vitest from 'vitest';
import { KeyvShardlite } from '../../src/adapters/keyv.ts';
import { connect } from '../../src/client/connect.ts';
import { allOf } from '../support/all-of.ts';
import { startRestApp } from '../support/rest-app.ts';

const { beforeEach, expect, test } = vitest;

let url = '';
beforeEach(async () => {
  ({ url } = await startRestApp());
});

const store = () => new KeyvShardlite(url);
keyvTestSuite(vitest, Keyv, store);
keyvIteratorTests(vitest, Keyv, store);

test('nothing beside its own keys is cleared or iterated, and clearing takes more than one request', async () => {
  const kv = connect(url);
  await kv.put('keyw/other', 1);
  const others = new Keyv({ store: new KeyvShardlite(url, { prefix: 'another/' }) });
  await others.set('there', 1);
  const keyv = new Keyv({ store: store() });
  await keyv.set('key', 1);
  await kv.batch(
    Array.from({ length: 600 }, (_, index) => ({ op: 'put', key: `keyv/keyv:${index}`, value: '{}' }) as const),
  );
  expect((await allOf(kv.list({ prefix: 'keyv/' }))).length).toBe(601);
  await keyv.clear();
  expect((await allOf(kv.list())).map(({ key }) => key)).toEqual(['another/keyv:there', 'keyw/other']);
});

test('a value ends in the service too', async () => {
  const keyv = new Keyv({ store: store() });
  const beganAtMs = Date.now();
  await keyv.set('key', 1, 1_500);
  const expiresAt = (await connect(url).getEntry('keyv/keyv:key'))?.expiresAt ?? Number.NaN;
  expect(expiresAt).toBeGreaterThan(beganAtMs + 1_000);
  expect(expiresAt).toBeLessThan(Date.now() + 3_000);
});

test('what the service refuses rejects, or is emitted by Keyv', async () => {
  await expect(store().set('k'.repeat(2_000), 'value')).rejects.toMatchObject({ code: 'key-too-long' });
  await expect(store().delete('k'.repeat(2_000))).rejects.toMatchObject({ code: 'key-too-long' });
});
