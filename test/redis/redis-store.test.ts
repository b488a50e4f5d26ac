/** What comes of operations when Redis, or the way to it, is not well. Real servers, really stopped and killed. */

import { expect, onTestFinished, test } from 'vitest';
import { RedisConnection } from '../../src/redis/redis-connection.ts';
import { RedisSweeper } from '../../src/redis/redis-sweeper.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { get, increment, put, remove } from '../support/operations.ts';
import { RedisServer } from '../support/redis-servers.ts';
import { newRedisStore, openRedisStore } from '../support/redis-store.ts';

async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const server = await RedisServer.start(settings);
  onTestFinished(() => server.remove());
  return server;
}

test('a write whose answer was lost is sent again and applied once', async () => {
  const server = await startRedis();
  const proxy = new CuttingProxy();
  await proxy.start(server.port);
  const store = await openRedisStore([{ host: '127.0.0.1', port: proxy.port }]);

  for (let round = 0; round < 10; round++) {
    proxy.cutAtAnswer('counted');
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => store.execute(increment('counter', 1))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(20).fill('counted'));
  }
  expect(proxy.cuts).toBe(10);
  expect(await store.execute(get('counter'))).toMatchObject({ value: Buffer.from('200') });
});

test('while Redis is killed operations wait; back in time, it has them all and what was acknowledged before', async () => {
  const server = await startRedis();
  const store = await openRedisStore([server.node]);
  await store.execute(put('before', 'kept'));
  await server.kill();
  const write = store.execute(put('during', 'written'));
  const read = store.execute(get('before'));
  await server.start();
  expect(await write).toMatchObject({ kind: 'created' });
  expect(await read).toMatchObject({ value: Buffer.from('kept') });
});

test('a Redis that hangs leaves the outcome of writes unknown, and none of reads', async () => {
  const server = await startRedis();
  const store = await openRedisStore([server.node]);
  server.signal('SIGSTOP');
  const [write, read] = await Promise.all([store.execute(put('key', 'value')), store.execute(get('key'))]);
  expect([write, read]).toEqual([
    expect.objectContaining({ code: 'outcome-unknown' }),
    expect.objectContaining({ code: 'store-unavailable' }),
  ]);
  server.signal('SIGCONT');
  expect(await store.execute(remove('key'))).toMatchObject({ kind: 'deleted' });
});

test('a Redis without memory refuses writes with 507 and goes on reading', async () => {
  const server = await startRedis(['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction']);
  const store = await openRedisStore([server.node]);
  const kinds: string[] = [];
  for (let index = 0; index < 60; index++) {
    const outcome = await store.execute(put(`key ${index}`, Buffer.alloc(100_000, index)));
    kinds.push(outcome.kind === 'failed' ? outcome.code : outcome.kind);
  }
  expect(new Set(kinds)).toEqual(new Set(['created', 'disk-full']));
  expect(await store.execute(get('key 0'))).toMatchObject({ kind: 'value', value: Buffer.alloc(100_000, 0) });
  const refused = kinds.indexOf('disk-full');
  expect(await store.execute(get(`key ${refused}`))).toEqual({ kind: 'absent' });
});

test('what waits for Redis is bounded', async () => {
  const store = newRedisStore([{ host: '127.0.0.1', port: 1 }]);
  const value = Buffer.alloc(1024 * 1024);
  const writes = Array.from({ length: 66 }, (_, index) => store.execute(put(`key ${index}`, value)));
  expect(await writes[65]).toMatchObject({ kind: 'failed', code: 'overloaded' });
  const codes = (await Promise.all(writes)).map((outcome) => outcome.kind === 'failed' && outcome.code);
  expect(codes).toEqual([...Array(64).fill('store-unavailable'), 'overloaded', 'overloaded']);
});

test('keys that have expired leave the lists of their slots', async () => {
  const server = await startRedis();
  const store = await openRedisStore([server.node]);
  const connection = new RedisConnection(
    { nodes: [server.node], username: null, password: null },
    { onStanding: () => {}, onAcknowledgement: () => {}, onTrouble: () => {} },
  );
  const sweeper = new RedisSweeper(connection);
  onTestFinished(() => {
    sweeper.stop();
    connection.stop();
  });
  while (connection.client === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  const passing = put('passing', 'value', 'text/plain', { expiresAtMs: Date.now() + 500 });
  await store.execute(passing);
  await store.execute(put('{passing}kept', 'value'));
  const keysListed = () => server.ask('ZCARD', `{s${passing.slot}}i`);
  expect([await sweeper.sweepSlot(passing.slot), await keysListed()]).toEqual([0, 2]);
  while ((await store.execute(get('passing'))).kind !== 'absent')
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect([await sweeper.sweepSlot(passing.slot), await keysListed()]).toEqual([1, 1]);
  expect(await server.ask('ZCARD', `{s${passing.slot}}x`)).toBe(0);
});

test.each([
  [
    ['--appendonly', 'yes', '--appendfsync', 'always'],
    'An acknowledged write is on disk (appendonly yes, appendfsync always).',
  ],
  [['--appendfsync', 'everysec'], 'An acknowledged write is on disk about a second later (appendfsync everysec).'],
  [['--appendonly', 'no'], 'An acknowledged write is only in memory: it is lost when Redis ends (appendonly no).'],
  [
    ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-lru'],
    'An acknowledged write is on disk (appendonly yes, appendfsync always). If its memory is full, Redis removes values with an expiry early, and forgets which writes it has answered, so a retry may be applied twice (maxmemory-policy volatile-lru).',
  ],
])('what an acknowledgement is worth is read from a server started with %j', async (settings, text) => {
  const server = await startRedis(settings);
  const told = await new Promise<string>((resolve) => newRedisStore([server.node], { onAcknowledgement: resolve }));
  expect(told).toBe(text);
});

test('several servers that are no Cluster are refused: nobody knows which of them all clones would share', async () => {
  const [one, other] = [await startRedis(), await startRedis()];
  const store = newRedisStore([one.node, other.node], { onTrouble: (message) => troubles.push(message) });
  const troubles: string[] = [];
  expect(await store.execute(put('key', 'value'))).toMatchObject({ kind: 'failed', code: 'store-unavailable' });
  expect(troubles).toEqual([
    `127.0.0.1:${one.port} is not a node of a Redis Cluster. Give one server, or nodes of one Cluster.`,
  ]);
});
