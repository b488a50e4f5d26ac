/** Redis that answers, but may not be written, or would lose what it is given: found, named, and followed as it changes. */

import { expect, onTestFinished, test } from 'vitest';
import type { Operation } from '../../src/kv/operation.ts';
import type { RedisStore } from '../../src/redis/redis-store.ts';
import { get, increment, listQuery, put, versionOf } from '../support/operations.ts';
import { RedisCluster, RedisServer } from '../support/redis-servers.ts';
import { newRedisStore, openRedisStore } from '../support/redis-store.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { userDoc } from '../support/user-docs.ts';

async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const server = await RedisServer.start(settings);
  onTestFinished(() => server.remove());
  return server;
}

async function startCluster(): Promise<RedisCluster> {
  const cluster = await RedisCluster.start();
  onTestFinished(() => cluster.remove());
  return cluster;
}

/** The test's own time-out ends a wait in vain. */
async function standing(store: RedisStore, kind: RedisStore['standing']['kind']) {
  while (store.standing.kind !== kind) await new Promise((resolve) => setTimeout(resolve, 5));
  return store.standing;
}

async function lateBy<T>(ms: number, what: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return what();
}

function codeOf(outcome: Awaited<ReturnType<RedisStore['execute']>>): string {
  return outcome.kind === 'failed' ? outcome.code : outcome.kind;
}

async function codesOf(store: RedisStore, ...operations: Operation[]): Promise<string[]> {
  const codes: string[] = [];
  for (const operation of operations) codes.push(codeOf(await store.execute(operation)));
  return codes;
}

test('a master that becomes a replica, as in a failover by hand, is left alone until it is a master again', async () => {
  const [server, other] = [await startRedis(), await startRedis()];
  const store = await openRedisStore([server.node]);
  await store.execute(put('key', 'before'));
  await server.ask('REPLICAOF', '127.0.0.1', other.port);
  const [write, , soonOver] = await Promise.all([
    store.execute(put('key', 'during')),
    standing(store, 'unfit'),
    lateBy(2_500, async () => {
      const watch = new Stopwatch();
      return { code: codeOf(await store.execute(put('key', 'later'))), tookMs: watch.stop() };
    }),
  ]);
  // Nobody waits longer than those that came first: from five seconds on, an operator has to act.
  expect(soonOver.code).toBe('store-read-only');
  expect(soonOver.tookMs).toBeLessThan(4_000);
  expect(write).toMatchObject({
    kind: 'failed',
    code: 'store-read-only',
    detail: `This Redis is a read-only replica of 127.0.0.1:${other.port}. Use the address of its master.`,
  });
  // It has not been one for so long that nobody waits for it any more.
  const watch = new Stopwatch();
  expect(await codesOf(store, get('key'), put('key', 'late'))).toEqual(['store-read-only', 'store-read-only']);
  expect(await store.list(listQuery())).toMatchObject({ code: 'store-read-only' });
  expect(watch.stop()).toBeLessThan(1_000);

  await server.ask('REPLICAOF', 'NO', 'ONE');
  await standing(store, 'serving');
  expect(await codesOf(store, put('another', 'after'))).toEqual(['created']);
});

test('a write that meets a replica waits for it to be the master again', async () => {
  const [server, other] = [await startRedis(), await startRedis()];
  const store = await openRedisStore([server.node]);
  await server.ask('REPLICAOF', '127.0.0.1', other.port);
  const write = store.execute(put('key', 'during'));
  await standing(store, 'unfit');
  await server.ask('REPLICAOF', 'NO', 'ONE');
  expect(codeOf(await write)).toBe('created');
});

test.each([
  ['is wrong', 'wrong', 'Redis does not accept the user and password of the address: WRONGPASS '],
  ['is missing', null, 'Redis requires a password. Put it into the address: redis://USER:PASSWORD@HOST.'],
])('a password that %s is told by name, and taken once Redis has it', async (_, password, why) => {
  const server = await startRedis(['--requirepass', 'right']);
  const troubles: string[] = [];
  const store = newRedisStore([server.node], { onTrouble: (text) => troubles.push(text) }, { password });
  expect(await standing(store, 'unfit')).toMatchObject({ code: 'store-denied', why: expect.stringContaining(why) });
  expect(await codesOf(store, get('key'), put('key', 'value'))).toEqual(['store-denied', 'store-denied']);
  expect(troubles).toEqual([expect.stringContaining(why)]);
  await server.askAs({ password: 'right' }, 'CONFIG', 'SET', 'requirepass', password ?? '');
  await standing(store, 'serving');
  expect(await codesOf(store, put('key', 'value'))).toEqual(['created']);
});

test('a password that is changed while clients go on is told when the connection is made anew', async () => {
  const server = await startRedis(['--requirepass', 'old']);
  const store = await openRedisStore([server.node], {}, { password: 'old' });
  await server.askAs({ password: 'old' }, 'CONFIG', 'SET', 'requirepass', 'new');
  await server.askAs({ password: 'new' }, 'CLIENT', 'KILL', 'TYPE', 'normal');
  expect(await standing(store, 'unfit')).toMatchObject({ code: 'store-denied' });
  await server.askAs({ password: 'new' }, 'CONFIG', 'SET', 'requirepass', 'old');
  await standing(store, 'serving');
});

const user = { username: 'shardlite', password: 'secret' };
const setUser = ['SETUSER', user.username, 'reset', 'on', `>${user.password}`];

test.each(['-zadd', '-evalsha', '-eval', '-info', '-get', '-pexpireat', '-zrangebylex', '-zrevrangebylex'])(
  'a user with %s is refused before anything is written',
  async (lacking) => {
    const server = await startRedis();
    await server.ask('ACL', ...setUser, '~*', '+@all', lacking);
    const store = newRedisStore([server.node], {}, user);
    const found = await standing(store, 'unfit');
    expect(found).toMatchObject({
      code: 'store-denied',
      why: expect.stringMatching(/^Redis denies this user a right that the service needs: /),
    });
    await server.ask('ACL', ...setUser, '~*', '+@all');
    await standing(store, 'serving');
    expect(await codesOf(store, put('key', 'value'), get('key'))).toEqual(['created', 'value']);
  },
);

test.each(['one server', 'a Cluster'])('the rights that the documentation names are enough on %s', async (kind) => {
  const line = /redis-cli ACL (SETUSER shardlite on .*)/.exec(userDoc('docs/redis.md'))?.[1] as string;
  const rights = line.replaceAll("'", '').split(' ');
  const cluster = kind === 'a Cluster' ? await startCluster() : undefined;
  const servers = cluster?.servers ?? [await startRedis()];
  for (const server of servers) await server.ask('ACL', ...rights, ...(cluster ? ['+cluster'] : []));
  const told: string[] = [];
  const events = { onAcknowledgement: (text: string) => told.push(text) };
  const store = newRedisStore(
    servers.map(({ node }) => node),
    events,
    user,
  );
  await standing(store, 'serving');
  const codes = await codesOf(store, put('key', 'value', '', { ttlMs: 60_000 }), increment('n', 1), get('key'));
  expect(codes).toEqual(['created', 'counted', 'value']);
  expect(await store.list(listQuery({ values: true }))).toMatchObject({ entries: [{ kind: 'key' }, { kind: 'key' }] });
  expect(told).toEqual([expect.stringContaining('An acknowledged write is on disk')]);
});

test('a right that is taken away while clients go on is told to those who need it, and to the operator', async () => {
  const server = await startRedis();
  await server.ask('ACL', ...setUser, '~*', '+@all');
  const store = await openRedisStore([server.node], {}, user);
  await store.execute(put('key', 'value'));
  await server.ask('ACL', 'SETUSER', user.username, '-get');
  const read = await store.execute(get('key'));
  expect(read).toMatchObject({ kind: 'failed', code: 'store-denied', detail: expect.stringContaining('NOPERM') });
  expect(await standing(store, 'unfit')).toMatchObject({ code: 'store-denied' });
  await server.ask('ACL', 'SETUSER', user.username, '+get');
  await standing(store, 'serving');
  // In the midst of a script nobody knows how far it came.
  await server.ask('ACL', 'SETUSER', user.username, '-zadd');
  expect(codeOf(await store.execute(put('new', 'value')))).toBe('outcome-unknown');
});

test('a Redis that begins to remove any key when memory is full is not served from until that ends', async () => {
  const server = await startRedis();
  const store = await openRedisStore([server.node]);
  await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await standing(store, 'unfit')).toMatchObject({
    code: 'store-evicting',
    why: expect.stringContaining('(maxmemory-policy allkeys-lru). Set maxmemory-policy to noeviction.'),
  });
  expect(await codesOf(store, put('key', 'value'))).toEqual(['store-evicting']);
  await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
  await standing(store, 'serving');
});

test('volatile-lru takes values with an expiry, and no other value, list of keys or version', async () => {
  const server = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'volatile-lru']);
  const store = await openRedisStore([server.node]);
  const version = versionOf(await store.execute(put('{t}passing 0', 'value', '', { ttlMs: 3_600_000 })));
  await store.execute(put('{t}kept', 'value'));
  const value = Buffer.alloc(50_000, 'x');
  for (let index = 0; index < 200; index++) {
    await store.execute(put(`{t}passing ${index}`, value, '', { ttlMs: 3_600_000 }));
  }
  const page = await store.list(listQuery());
  const names = page.kind === 'listing' ? page.entries.map(({ key }) => key.toString()) : [];
  expect(names).toContain('{t}kept');
  expect(names.length).toBeLessThan(200);
  expect(versionOf(await store.execute(put('{t}passing 0', 'anew')))).toBeGreaterThan(version + 200);
});

test('a change of the settings is told while clients go on', async () => {
  const server = await startRedis();
  const told: string[] = [];
  const store = newRedisStore([server.node], { onAcknowledgement: (text) => told.push(text) });
  await standing(store, 'serving');
  await server.ask('CONFIG', 'SET', 'appendfsync', 'everysec');
  while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(told).toEqual([
    'An acknowledged write is on disk (appendonly yes, appendfsync always).',
    'An acknowledged write is on disk about a second later (appendfsync everysec).',
  ]);
});
