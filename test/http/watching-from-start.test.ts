/** `GET /v1/changes?from=start` and `values=true`, as they stand on the line. */

import { request } from 'undici';
import { expect, test } from 'vitest';
import type { Store } from '../../src/kv/store.ts';
import { accessOf, bearer, rulesOf, tokenOf } from '../support/access.ts';
import { startPartitionedStore } from '../support/in-process-shards.ts';
import { put } from '../support/operations.ts';
import { startRestApp, startRestAppOver } from '../support/rest-app.ts';

type Event = { readonly id: string; readonly type: string | undefined; readonly data: Record<string, unknown> };

/** Reads events until one is `last`, or so many have come; then goes away. */
async function eventsOf(
  url: string,
  until: (event: Event, count: number) => boolean,
  headers: Record<string, string> = {},
): Promise<Event[]> {
  const { statusCode, body } = await request(url, { headers });
  expect(statusCode).toBe(200);
  const events: Event[] = [];
  let rest = '';
  for await (const piece of body.setEncoding('utf8')) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() as string;
    for (const block of blocks) {
      const fieldOf = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const event = { id: fieldOf('id') ?? '', type: fieldOf('event'), data: JSON.parse(fieldOf('data') ?? '{}') };
      if (event.type !== undefined) events.push(event);
      if (event.type !== undefined && until(event, events.length)) {
        body.destroy();
        return events;
      }
    }
  }
  return events;
}

const untilLive = ({ type }: Event) => type === 'live';
const keysOf = (events: readonly Event[]) => events.map(({ type, data }) => `${type} ${data['key'] ?? ''}`.trim());

async function fill(store: Store, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, n) => `k${String(n).padStart(4, '0')}`);
  await Promise.all(keys.map((key) => store.execute(put(key, key))));
  return keys;
}

test('all that is there comes in the order of its keys, then `live`, then what changes', async () => {
  const { store } = await startPartitionedStore(3);
  const { url } = await startRestAppOver(store);
  const expiresAt = Date.now() + 3_600_000;
  await store.execute(put('b', 'text', 'text/plain', { expiresAtMs: expiresAt }));
  await store.execute(put('a', Buffer.of(0xff), ''));
  await store.execute(put('other', '1'));
  const there = await eventsOf(`${url}/v1/changes?from=start&values=true`, untilLive);
  expect(keysOf(there)).toEqual(['put a', 'put b', 'put other', 'live']);
  expect(there.map(({ data }) => data)).toEqual([
    { key: 'a', version: expect.any(Number), valueBase64: '/w==' },
    {
      key: 'b',
      version: expect.any(Number),
      contentType: 'text/plain',
      expiresAt,
      value: 'text',
    },
    { key: 'other', version: expect.any(Number), contentType: 'text/plain', value: '1' },
    {},
  ]);
  const bare = await eventsOf(`${url}/v1/changes?from=start&prefix=b`, untilLive);
  expect(bare.map(({ data }) => data)).toEqual([{ key: 'b', version: expect.any(Number) }, {}]);
  await store.execute(put('b', 'again'));
  await store.execute(put('c', 'new'));
  const after = await eventsOf(`${url}/v1/changes?from=start`, (_event, count) => count === 2, {
    'last-event-id': (there.at(-1) as Event).id,
  });
  expect(keysOf(after).sort()).toEqual(['put b', 'put c']);
});

test('a client that went away at any event goes on behind it, and misses nothing that was written meanwhile', async () => {
  const { store } = await startPartitionedStore(3);
  const { url } = await startRestAppOver(store);
  const keys = await fill(store, 1_300);
  const heard: Event[] = [];
  let id: string | undefined;
  for (let turn = 0; heard.at(-1)?.type !== 'live'; turn++) {
    const headers = id === undefined ? {} : { 'last-event-id': id };
    const part = await eventsOf(
      `${url}/v1/changes?from=start&values=true`,
      (event, count) => untilLive(event) || count === 290,
      headers,
    );
    heard.push(...part);
    id = (part.at(-1) as Event).id;
    // One that was told of, one that was not, and one that is new.
    await store.execute(put('k0000', `${turn}`));
    await store.execute(put('k1299', `${turn}`));
    await store.execute(put(`new${turn}`, 'new'));
  }
  const rest = await eventsOf(`${url}/v1/changes`, ({ data }) => data['key'] === 'end', {
    'last-event-id': await lastIdBehind(store, id as string),
  });
  heard.push(...rest);
  const values = new Map(heard.map(({ data }) => [data['key'], data['version']]));
  const page = (await (await fetch(`${url}/v1/kv?limit=1000`)).json()) as { entries: Event['data'][] };
  for (const { key, version } of page.entries) expect([key, values.get(key)]).toEqual([key, version]);
  for (const key of keys) expect(heard.filter(({ data }) => data['key'] === key).length, key).toBeGreaterThan(0);
  const untouched = keys.slice(1, -1).map((key) => heard.filter(({ data }) => data['key'] === key).length);
  expect(new Set(untouched)).toEqual(new Set([1]));
});

/** Writes a key that ends the wait for all before it. */
async function lastIdBehind(store: Store, id: string): Promise<string> {
  await store.execute(put('end', 'end'));
  return id;
}

test('a token is told of its own keys alone, with their values', async () => {
  const own = tokenOf({ name: 'own', prefixes: ['own/', 'shared/'], write: false });
  const blind = tokenOf({ name: 'blind', prefixes: ['own/'], read: false });
  const { store } = await startPartitionedStore(2);
  const access = await accessOf(rulesOf([own.record, blind.record]));
  const { url } = await startRestAppOver(store, { access });
  for (const key of ['own/a', 'other/secret', 'shared/b']) await store.execute(put(key, `of ${key}`));
  const path = `${url}/v1/changes?from=start&values=true`;
  const events = await eventsOf(path, untilLive, bearer(own.token));
  expect(events.map(({ data }) => data['value'])).toEqual(['of own/a', 'of shared/b', undefined]);
  await store.execute(put('other/secret', 'still secret'));
  await store.execute(put('own/a', 'again'));
  const id = (events.at(-1) as Event).id;
  const next = await eventsOf(path, () => true, { ...bearer(own.token), 'last-event-id': id });
  expect(next.map(({ data }) => data['value'])).toEqual(['again']);
  expect((await request(path, { headers: bearer(blind.token) })).statusCode).toBe(403);
});

test('large values come one after the other, within the budget of all bodies', async () => {
  const { store } = await startPartitionedStore(2);
  const valueBytesMax = 4 * 1024 * 1024;
  const { url } = await startRestAppOver(store, { valueBytesMax, bodyMemoryBytesMax: 12 * 1024 * 1024 });
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const key of keys) await store.execute(put(key, Buffer.alloc(valueBytesMax, key)));
  const events = await eventsOf(`${url}/v1/changes?from=start&values=true`, untilLive);
  expect(events.map(({ data }) => (data['value'] as string | undefined)?.[0])).toEqual([...keys, undefined]);
  // Together they are more than there is room for; one stream tells of all even so.
  for (const key of keys) await store.execute(put(key, Buffer.alloc(valueBytesMax, key.toUpperCase())));
  const id = (events.at(-1) as Event).id;
  const again = await eventsOf(`${url}/v1/changes?values=true`, (_event, count) => count === keys.length, {
    'last-event-id': id,
  });
  expect(again.map(({ data }) => (data['value'] as string)[0]).sort()).toEqual(['A', 'B', 'C', 'D', 'E', 'F']);
});

test('what is written before a page of keys is read is not told of after it', async () => {
  const { store } = await startPartitionedStore(3);
  await fill(store, 3);
  const meddling: Store = {
    execute: (operation, timing) => store.execute(operation, timing),
    list: async (query) => {
      for (const value of ['one', 'two']) await store.execute(put('k0001', value));
      return store.list(query);
    },
    feed: store.feed,
    stop: () => store.stop(),
  };
  const { url } = await startRestAppOver(meddling);
  const events = await eventsOf(`${url}/v1/changes?from=start&values=true`, untilLive);
  await store.execute(put('end', 'end'));
  const rest = await eventsOf(`${url}/v1/changes`, ({ data }) => data['key'] === 'end', {
    'last-event-id': (events.at(-1) as Event).id,
  });
  expect(rest).toHaveLength(1);
  const told = events.filter(({ data }) => data['key'] === 'k0001').map(({ data }) => data);
  expect(told).toMatchObject([{ gone: true }, { value: 'two' }]);
  expect((told[0] as Event['data'])['version']).toBeLessThan((told[1] as Event['data'])['version'] as number);
});

test('what cannot be read now ends the stream behind what could, and the client goes on there', async () => {
  const { store } = await startPartitionedStore(2);
  let isAway = false;
  const patchy: Store = {
    execute: (operation, timing) =>
      isAway && operation.kind === 'get' && operation.key.equals(Buffer.from('second'))
        ? Promise.resolve({ kind: 'failed', code: 'shard-unavailable', detail: 'It is away.' })
        : store.execute(operation, timing),
    list: (query) => store.list(query),
    feed: store.feed,
    stop: () => store.stop(),
  };
  const { url } = await startRestAppOver(patchy);
  const [began] = await eventsOf(`${url}/v1/changes?from=start`, untilLive);
  // Keys of one slot, so that one ledger has them in this order.
  await store.execute(put('{t}first', '1'));
  isAway = true;
  await store.execute(put('second', '2'));
  const path = `${url}/v1/changes?values=true`;
  const heard: Event[] = [];
  const id = () => (heard.at(-1) ?? (began as Event)).id;
  while (!heard.some(({ data }) => data['key'] === '{t}first')) {
    heard.push(...(await eventsOf(path, () => false, { 'last-event-id': id() })));
  }
  expect(heard.map(({ data }) => data['value'])).toEqual(['1']);
  isAway = false;
  expect(await eventsOf(path, () => true, { 'last-event-id': id() })).toMatchObject([{ data: { value: '2' } }]);
});

test.each(['from=end', 'from=', 'values=yes', 'values=true&values=true', 'limit=5', 'last-event-id=1:1;1;*'])(
  '%s is refused by name',
  async (query) => {
    const { url } = await startRestApp();
    const { status } = await fetch(`${url}/v1/changes?${query}`);
    expect(status).toBe(400);
  },
);
