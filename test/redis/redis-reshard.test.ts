/** A Redis Cluster whose slots move, or are left half moved, beside clients who list, export, read and write. */

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ListEntry, ListPosition } from '../../src/kv/listing.ts';
import type { Operation } from '../../src/kv/operation.ts';
import { redisSlotOf } from '../../src/redis/redis-slot.ts';
import type { RedisStore } from '../../src/redis/redis-store.ts';
import { get, increment, listQuery, put } from '../support/operations.ts';
import { RedisCluster } from '../support/redis-servers.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { startRestAppOver } from '../support/rest-app.ts';

/** Enough to take some pages, and to lie in every corner of the Cluster. */
const keyCount = 3_000;
const slotsMoved = 3_000;
const writers = 4;

const keys = Array.from({ length: keyCount }, (_, index) => `key ${String(index).padStart(5, '0')}`);

let cluster: RedisCluster;
let store: RedisStore;
/** What an operator is told. */
const troubles: string[] = [];
beforeAll(async () => {
  cluster = await RedisCluster.start();
});
afterAll(() => cluster.remove());

beforeEach(async () => {
  await cluster.flush();
  troubles.length = 0;
  store = await openRedisStore(
    cluster.servers.map(({ node }) => node),
    { onTrouble: (text) => troubles.push(text) },
  );
  await Promise.all(keys.map((key) => store.execute(put(key, `value of ${key}`))));
});

test('3,000 slots of a Cluster move under listings, exports, reads and writes, of which none fails', async () => {
  const [from, to] = await twoMasters();
  const { url } = await startRestAppOver(store);
  let isMoving = true;
  const whileMoving = async (work: () => Promise<void>) => {
    while (isMoving) await work();
  };
  let [listings, exports, written] = [0, 0, 0];
  await Promise.all([
    cluster.reshard(from, to, slotsMoved).finally(() => {
      isMoving = false;
    }),
    whileMoving(async () => {
      expect(namesOf(await everyPage())).toEqual(keys);
      listings++;
    }),
    whileMoving(async () => {
      expect(await exported(url)).toEqual(keys.map((key) => ({ key, value: `value of ${key}` })));
      exports++;
    }),
    ...Array.from({ length: writers }, (_, writer) =>
      whileMoving(async () => {
        const key = keys[Math.floor(Math.random() * keyCount)] as string;
        expect(await ok(get(key))).toMatchObject({ value: Buffer.from(`value of ${key}`) });
        // Behind all that is listed, in as many slots.
        await ok(increment(`writer ${writer} ${written++ % 1_000}`, 1));
      }),
    ),
  ]);

  const sums = await Promise.all(
    Array.from({ length: writers }, (_, writer) => writer).flatMap((writer) =>
      Array.from({ length: 1_000 }, (_, index) => store.execute(get(`writer ${writer} ${index}`))),
    ),
  );
  const sum = sums.reduce((all, one) => all + (one.kind === 'value' ? Number(one.value) : 0), 0);
  expect(sum).toBe(written);
  expect(Math.min(listings, exports)).toBeGreaterThan(1);
});

async function ok(operation: Operation) {
  const outcome = await store.execute(operation);
  if (outcome.kind === 'failed') throw new Error(`${operation.kind}: ${outcome.code}: ${outcome.detail}`);
  return outcome;
}

async function twoMasters() {
  const [from, to] = await cluster.masters();
  if (from === undefined || to === undefined) throw new Error('the Cluster has no two masters');
  return [from, to] as const;
}

/** Of the keys that no writer adds to. */
async function everyPage(values = false): Promise<ListEntry[]> {
  const entries: ListEntry[] = [];
  let after: ListPosition | undefined;
  do {
    const page = await store.list(listQuery({ prefix: 'key ', after, values }));
    if (page.kind === 'failed') throw new Error(`a page: ${page.code}: ${page.detail}`);
    entries.push(...page.entries);
    after = page.next;
  } while (after !== undefined);
  return entries;
}

/** As `shardctl export` reads it: one stream of lines, which breaks off when a page fails. */
async function exported(url: string): Promise<{ key: string; value: string }[]> {
  const answer = await fetch(`${url}/v1/kv?prefix=key%20&values=true`, { headers: { accept: 'application/x-ndjson' } });
  const lines = (await answer.text()).trim().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { key: string; value: string })
    .map(({ key, value }) => ({ key, value }));
}

function namesOf(entries: readonly ListEntry[]): string[] {
  return entries.map(({ key }) => key.toString());
}

test('a slot that is left half moved keeps nobody from listing and reading; writes to it alone are told why', async () => {
  const [from, to] = await twoMasters();
  const [stuck, other] = await Promise.all([keyOf(from), keyOf(to)]);
  const slot = redisSlotOf(put(stuck, '').slot);
  await cluster.leaveMoving(slot, from, to);
  expect(namesOf(await everyPage())).toEqual(keys);
  // Half of it: the value is there, the list of keys is still here.
  await from.ask('MIGRATE', '127.0.0.1', to.port, `{s${put(stuck, '').slot}}k:${stuck}`, 0, 1_000);
  const entries = await everyPage(true);
  expect(namesOf(entries)).toEqual(keys);
  expect(await ok(get(stuck))).toMatchObject({ value: Buffer.from(`value of ${stuck}`) });
  expect((await ok(put(other, 'new'))).kind).toBe('replaced');
  expect(await store.execute(put(stuck, 'new'))).toMatchObject({
    kind: 'failed',
    code: 'store-unavailable',
    detail: expect.stringContaining('redis-cli --cluster fix'),
  });
  expect(troubles).toContainEqual(expect.stringContaining('redis-cli --cluster fix'));
});

/** One whose slot this master owns. */
async function keyOf(master: Awaited<ReturnType<typeof twoMasters>>[number]): Promise<string> {
  for (const key of keys) {
    const owner = await cluster.ownerOf(`{s${put(key, '').slot}}i`);
    if (owner === master) return key;
  }
  throw new Error('a master without any key');
}
