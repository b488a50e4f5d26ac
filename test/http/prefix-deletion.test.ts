/** `DELETE /v1/kv?prefix=` as it stands on the line. */

import { request } from 'undici';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import type { Store } from '../../src/kv/store.ts';
import { accessOf, bearer, rulesOf, tokenOf } from '../support/access.ts';
import { allOf } from '../support/all-of.ts';
import { startPartitionedStore } from '../support/in-process-shards.ts';
import { get, put } from '../support/operations.ts';
import { startRestApp, startRestAppOver } from '../support/rest-app.ts';

type Line = {
  readonly deleted: number;
  readonly next: string | null;
  readonly code?: string;
  readonly status?: number;
};

async function erase(url: string, query: string, headers: Record<string, string> = {}) {
  const { statusCode, headers: told, body } = await request(`${url}/v1/kv${query}`, { method: 'DELETE', headers });
  return { status: statusCode, type: told['content-type'], text: await body.text() };
}

function linesIn(text: string): Line[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

test.each([
  '',
  '?prefix=',
  '?all=false',
  '?all=true&prefix=a',
  '?all=yes',
  '?prefix=a&prefix=b',
  '?prefix=a&cursor=nonsense',
  '?prefix=a&limit=5',
  `?prefix=${'x'.repeat(1_025)}`,
])('%s is refused, and nothing is deleted', async (query) => {
  const { url } = await startRestApp();
  const kv = connect(url);
  await kv.put('a', 1);
  const { status, text } = await erase(url, query);
  expect([status, JSON.parse(text).code]).toEqual([400, expect.stringMatching(/^parameter-(invalid|unknown)$/)]);
  expect(await kv.get('a')).toBe(1);
});

test('a deletion under a condition is refused: many keys have no version in common', async () => {
  const { url } = await startRestApp();
  await connect(url).put('a', 1);
  expect((await erase(url, '?prefix=a', { 'if-match': '"1"' })).status).toBe(412);
  expect((await erase(url, '?prefix=a', { 'if-none-match': '*' })).status).toBe(412);
  expect(await connect(url).get('a')).toBe(1);
});

test('lines tell how far it is, and each `next` goes on from there', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  const keys = Array.from({ length: 900 }, (_, n) => `k${String(n).padStart(3, '0')}`);
  await kv.batch(keys.map((key) => ({ op: 'put', key, value: key }) as const));
  // Behind the first 100 keys.
  const part = await erase(url, `?prefix=k&cursor=k${Buffer.from('k099').toString('base64url')}`);
  expect([part.status, part.type]).toEqual([200, 'application/x-ndjson']);
  const lines = linesIn(part.text);
  expect(lines.map(({ deleted }) => deleted)).toEqual([128, 256, 384, 512, 640, 768, 800, 800]);
  expect(lines.map(({ next }) => next === null)).toEqual([...Array(7).fill(false), true]);
  expect((await allOf(kv.list())).map(({ key }) => key)).toEqual(keys.slice(0, 100));
  const bytes = await erase(url, `?prefix=${Buffer.from('k').toString('base64url')}&key-encoding=base64url`);
  expect(linesIn(bytes.text).at(-1)).toEqual({ deleted: 100, kept: 0, next: null });
});

test('a token deletes its own keys alone, and has to allow reading and writing', async () => {
  const own = tokenOf({ name: 'own', prefixes: ['own/'] });
  const [reader, writer] = [tokenOf({ name: 'reader', write: false }), tokenOf({ name: 'writer', read: false })];
  const { store } = await startPartitionedStore(2);
  const access = await accessOf(rulesOf([own.record, reader.record, writer.record]));
  const { url } = await startRestAppOver(store, { access });
  for (const key of ['own/a', 'own/b', 'other']) await store.execute(put(key, key));
  for (const { token } of [reader, writer]) {
    for (const prefix of ['o', 'nothing'])
      expect((await erase(url, `?prefix=${prefix}`, bearer(token))).status).toBe(403);
  }
  const { text } = await erase(url, '?all=true', bearer(own.token));
  expect(linesIn(text).at(-1)).toEqual({ deleted: 2, kept: 0, next: null });
  expect((await store.execute(get('other'))).kind).toBe('value');
});

/** A store of which one key cannot be deleted for a while. */
async function patchyStore(key: string, times: number): Promise<Store> {
  const { store } = await startPartitionedStore(2);
  let left = times;
  return {
    execute: (operation, timing) =>
      operation.kind === 'delete' && operation.key.equals(Buffer.from(key)) && left-- > 0
        ? Promise.resolve({ kind: 'failed', code: 'shard-unavailable', detail: 'It is away.' })
        : store.execute(operation, timing),
    list: (query) => store.list(query),
    feed: store.feed,
    stop: () => store.stop(),
  };
}

const sixHundred = Array.from({ length: 600 }, (_, n) => `k${String(n).padStart(3, '0')}`);

test('what fails in the middle says why, and where to go on', async () => {
  const { url } = await startRestAppOver(await patchyStore('k400', 1));
  await connect(url).batch(sixHundred.map((key) => ({ op: 'put', key, value: key }) as const));
  const { status, text } = await erase(url, '?prefix=k');
  const last = linesIn(text).at(-1) as Line;
  expect([status, last.status, last.code]).toEqual([200, 503, 'shard-unavailable']);
  expect(last.next).toBe(`k${Buffer.from('k383').toString('base64url')}`);
  const rest = linesIn((await erase(url, `?prefix=k&cursor=${last.next}`)).text);
  expect(rest.at(-1)).toEqual({ deleted: 600 - last.deleted, kept: 0, next: null });
});

test('the client goes on by itself, where it was', async () => {
  const { url, server } = await startRestAppOver(await patchyStore('k400', 1));
  const kv = connect(url);
  await kv.batch(sixHundred.map((key) => ({ op: 'put', key, value: key }) as const));
  const asked: string[] = [];
  server.on('request', ({ url: path }: { url: string }) => asked.push(path));
  expect(await kv.deletePrefix('k')).toEqual({ deleted: 600, kept: 0 });
  expect(asked).toEqual(['/v1/kv?prefix=k', `/v1/kv?prefix=k&cursor=k${Buffer.from('k383').toString('base64url')}`]);
  expect(await allOf(kv.list())).toEqual([]);
});

test('what fails at once is a problem', async () => {
  const { url } = await startRestAppOver(await patchyStore('a', 1));
  await connect(url).put('a', 1);
  expect(await erase(url, '?prefix=a')).toMatchObject({ status: 503, type: 'application/problem+json' });
  await expect(connect(url).deletePrefix('')).rejects.toMatchObject({ code: 'parameter-invalid' });
});

test('a service that drains does not wait for the end of a deletion', async () => {
  const { store } = await startPartitionedStore(2);
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let deletes = 0;
  const slow: Store = {
    execute: async (operation, timing) => {
      if (operation.kind === 'delete' && ++deletes > 128) await held;
      return store.execute(operation, timing);
    },
    list: (query) => store.list(query),
    feed: store.feed,
    stop: () => store.stop(),
  };
  const { url, retire } = await startRestAppOver(slow);
  for (let n = 0; n < 3; n++) {
    const operations = Array.from({ length: 900 }, (_, one) => ({ op: 'put', key: `k${n}/${one}`, value: 1 }) as const);
    await connect(url).batch(operations);
  }
  const deletion = erase(url, '?prefix=k');
  await expect.poll(() => deletes).toBeGreaterThan(128);
  void retire();
  goOn();
  const lines = linesIn((await deletion).text);
  expect([lines.length, lines.at(-1)?.next === null]).toEqual([2, false]);
});
