/** Clones over Redis, as real processes: what clients and operators see when Redis is well, and when it is not. */

import { expect, onTestFinished, test } from 'vitest';
import { RecordingClients } from '../support/recording-clients.ts';
import { RedisServer } from '../support/redis-servers.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function startRedis(): Promise<RedisServer> {
  const server = await RedisServer.start();
  onTestFinished(() => server.remove());
  return server;
}

function startClones(redis: RedisServer, data = temporaryDirectory()): Promise<TestService> {
  return startService({ data, args: ['--strategy', 'cloned', '--clones', '2', '--store', redis.url] });
}

async function until(url: string, status: number): Promise<Response> {
  for (;;) {
    const answer = await fetch(url);
    if (answer.status === status) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('clones of two services over one Redis serve the same keys, and say what an acknowledgement is worth', async () => {
  const redis = await startRedis();
  const [here, there] = [await startClones(redis), await startClones(redis)];
  expect((await fetch(`${here.url}/v1/kv/key`, { method: 'PUT', body: 'from here' })).status).toBe(201);
  expect(await (await fetch(`${there.url}/v1/kv/key`)).text()).toBe('from here');
  expect((await fetch(`${there.url}/v1/kv/key`, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(`${here.url}/v1/kv/key`)).status).toBe(404);

  const worth = 'An acknowledged write is on disk (appendonly yes, appendfsync always).';
  while ((await here.status()).acknowledgement !== worth) await new Promise((resolve) => setTimeout(resolve, 5));
  const status = (await shardctl(['status', '--data', here.data])).stdout;
  expect(status).toContain(`cloned over redis://127.0.0.1:${redis.port}\n`);
  expect(status).toContain(`\n${worth}\n`);
  expect(here.said.join('\n')).toContain(worth);
  expect((await shardctl(['why', 'key', '--data', here.data])).stdout).toContain(`store  ${redis.url}\n`);
});

test('a service that stops says no more of what it has acknowledged than Redis does', async () => {
  const redis = await startRedis();
  const service = await startClones(redis);
  const worth = 'An acknowledged write is on disk about a second later (appendfsync everysec).';
  await redis.ask('CONFIG', 'SET', 'appendfsync', 'everysec');
  while ((await service.status()).acknowledgement !== worth) await new Promise((resolve) => setTimeout(resolve, 5));
  const { stdout } = await shardctl(['stop', '--data', service.data]);
  expect(stdout).toMatch(/^Stopped in [\d.]+ s\. /);
  expect(stdout).toContain(worth);
  expect(stdout).not.toContain('Every acknowledged write is on disk');
  await service.ended;
  expect(service.said.join('\n')).not.toContain('very acknowledged write is on disk');
});

test('without Redis the answer is 503 and says when to come back; with it again, everything goes on by itself', async () => {
  const redis = await startRedis();
  const service = await startClones(redis);
  const url = `${service.url}/v1/kv/key`;
  expect((await fetch(url, { method: 'PUT', body: 'kept' })).status).toBe(201);
  await redis.kill();
  await until(`${service.url}/readyz`, 503);
  const refused = await fetch(url);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject({ code: 'store-unavailable' });

  await redis.start();
  await until(`${service.url}/readyz`, 200);
  expect(await (await fetch(url)).text()).toBe('kept');
  expect((await service.status()).processes.every(({ restarts }) => restarts === 0)).toBe(true);
});

test('neither a killed clone nor a restarted Redis loses an acknowledged write, or lets one happen twice', async () => {
  const redis = await startRedis();
  const service = await startClones(redis);
  const clients = new RecordingClients({
    url: service.url,
    clients: 16,
    keysOf: (index) => Array.from({ length: 5 }, (_, key) => `client${index}-${key}`),
  });
  await clients.acknowledges(1_000);
  await service.kill('clone-1');
  await service.until('clone-1', ({ restarts, state }) => restarts === 1 && state === 'ready');
  await clients.acknowledges(1_000);
  await redis.kill();
  await redis.start();
  await clients.acknowledges(1_000);
  await clients.finish();
  expect(clients.failures.filter((failure) => /^\d/.test(failure))).toEqual([]);
  expect((await clients.verify(service.url)).mistakes).toEqual([]);
});

test('a Redis in which nothing can be kept is named at the start, and by /readyz when it becomes one', async () => {
  const redis = await startRedis();
  const start = async (url = redis.url) => {
    const { code, stderr } = await shardctl([
      'start',
      '--port',
      '0',
      '--data',
      temporaryDirectory(),
      '--store',
      url,
      '--strategy',
      'cloned',
    ]);
    expect(code).toBe(1);
    return stderr;
  };
  const service = await startClones(redis);
  expect((await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'kept' })).status).toBe(201);
  const readiness = async (status: number) =>
    ((await (await until(`${service.url}/readyz`, status)).json()) as { detail: string }).detail;

  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
  expect(await readiness(503)).toContain('(maxmemory-policy allkeys-lfu). Set maxmemory-policy to noeviction.');
  expect(await start()).toContain(`The service cannot use redis://127.0.0.1:${redis.port}. If its memory is full`);
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await readiness(200);

  const other = await startRedis();
  await redis.ask('REPLICAOF', '127.0.0.1', other.port);
  const replica = `This Redis is a read-only replica of 127.0.0.1:${other.port}`;
  expect(await readiness(503)).toContain(replica);
  const acknowledgement = async () => (await service.status()).acknowledgement;
  while (!(await acknowledgement())?.startsWith('No write is acknowledged. This Redis is a read-only replica of')) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await start()).toContain(replica);
  await redis.ask('REPLICAOF', 'NO', 'ONE');
  await readiness(200);

  await redis.ask('ACL', 'SETUSER', 'clerk', 'on', '>secret', '~*', '+@all', '-zadd');
  expect(await start(`redis://clerk:wrong@127.0.0.1:${redis.port}`)).toContain('does not accept the user and password');
  expect(await start(`redis://clerk:secret@127.0.0.1:${redis.port}`)).toContain('denies this user a right');
  expect((await service.status()).processes.every(({ restarts }) => restarts === 0)).toBe(true);
});

test('a data directory remembers that its data lies in Redis', async () => {
  const redis = await startRedis();
  const data = temporaryDirectory();
  const service = await startClones(redis, data);
  const run = (...args: string[]) => shardctl([...args, '--data', data]);
  expect(await run('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no file to check') });
  expect((await run('add-shard', '--yes')).stderr).toContain('A Redis Cluster distributes the data by itself');
  await service.end('SIGTERM');

  const start = (...args: string[]) => run('start', '--port', '0', ...args);
  expect(await start()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('keeps its data in Redis. Name it'),
  });
  expect((await start('--strategy', 'partitioned', '--store', redis.url)).stderr).toContain(
    'Only clones can share Redis',
  );
  expect(await run('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no file to check') });

  const file = temporaryDirectory();
  await (await startService({ data: file, args: ['--strategy', 'cloned'] })).end('SIGTERM');
  const moved = await shardctl(['start', '--port', '0', '--data', file, '--store', redis.url]);
  expect([moved.code, moved.stderr]).toEqual([1, expect.stringContaining('which Redis would not have')]);
});
