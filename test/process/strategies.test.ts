/** The strategies without shards, as real processes: clones over one file, one process, and the way to shards. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Database } from '../../src/sqlite/database.ts';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const cloned = ['--strategy', 'cloned', '--clones', '2'];
const single = ['--strategy', 'single'];

function clientsOf(service: TestService): RecordingClients {
  return new RecordingClients({
    url: service.url,
    clients: 32,
    keysOf: (index) => Array.from({ length: 5 }, (_, key) => `client${index}-${key}`),
  });
}

async function put(service: TestService, key: string, body: string): Promise<number> {
  return (await fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body })).status;
}

test('what clones of one file hold is told once, whoever of them has counted it', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--strategy', 'cloned', '--clones', '4'] });
  for (let key = 0; key < 40; key++) await put(service, `key-${key}`, 'value');
  let status = await service.status();
  while (status.stored?.keys !== 40) status = await service.status();
  expect(status.stored.bytes).toBeGreaterThan(40 * 'value'.length);
  expect(status.processes.map(({ keys, bytes }) => [keys, bytes])).toEqual(Array(5).fill([null, null]));
  expect((await shardctl(['status', '--data', service.data])).stdout).toMatch(/^holds 40 keys, /m);
});

test.each([
  ['a clone', cloned],
  ['the single process', single],
])('%s killed under load is replaced, and no acknowledged write is lost', async (_who, args) => {
  const data = temporaryDirectory();
  const service = await startService({ data, args });
  const clients = clientsOf(service);
  for (let round = 0; round < 3; round++) {
    await clients.acknowledges(2_000);
    const { restarts } = await service.processStatus('clone-1');
    await service.kill('clone-1');
    await service.until('clone-1', (status) => status.restarts > restarts && status.state === 'ready');
  }
  await clients.acknowledges(2_000);
  await clients.finish();
  // A killed process takes its connections with it; nobody is told an error.
  expect(clients.failures.filter((failure) => /^\d/.test(failure))).toEqual([]);
  expect((await clients.verify(service.url)).mistakes).toEqual([]);
  expect((await shardctl(['verify', '--data', data])).stdout).toContain('Every row is where it belongs.');
});

test('SIGKILL of every process under load loses no acknowledged write of clones, and they can be served partitioned', async () => {
  const data = temporaryDirectory();
  const first = await startService({ data, args: cloned });
  const clients = clientsOf(first);
  await clients.acknowledges(5_000);
  const { processes } = await first.status();
  expect(processes.map(({ id }) => id)).toEqual(['primary', 'clone-1', 'clone-2']);
  for (const { pid } of processes) process.kill(pid as number, 'SIGKILL');
  await clients.finish();

  const partitioned = await startService({ data, args: ['--strategy', 'partitioned'] });
  expect(await clients.verify(partitioned.url)).toMatchObject({ keys: 32 * 5, mistakes: [] });
  expect((await partitioned.processStatus('shard-1')).slots).toBe(16_384);
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  expect((await clients.verify(partitioned.url)).mistakes).toEqual([]);
  await partitioned.end('SIGTERM');
  expect(JSON.parse((await shardctl(['verify', '--json', '--data', data])).stdout)).toMatchObject({ isSound: true });

  const back = await shardctl(['start', '--port', '0', '--data', data, ...cloned]);
  expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('is partitioned: its keys are in several')]);
});

test('clones drain on SIGTERM, and the directory is cloned again when nothing else is said', async () => {
  const data = temporaryDirectory();
  const first = await startService({ data, args: cloned });
  const clients = clientsOf(first);
  await clients.acknowledges(2_000);
  const { code, tookMs } = await first.end('SIGTERM');
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(5_000);
  await clients.finish();
  expect(clients.failures.filter((failure) => /^\d/.test(failure))).toEqual([]);

  const second = await startService({ data, args: ['--clones', '3'] });
  expect(await second.status()).toMatchObject({ strategy: 'cloned', store: join(data, 'shard-1.sqlite') });
  expect((await second.processStatus('clone-3')).state).toBe('ready');
  expect((await clients.verify(second.url)).mistakes).toEqual([]);
});

test('what one process wrote alone, clones serve, and the other way round', async () => {
  const data = temporaryDirectory();
  const alone = await startService({ data, args: single });
  expect((await alone.status()).processes.map(({ id }) => id)).toEqual(['primary', 'clone-1']);
  expect(await put(alone, 'key', 'by one')).toBe(201);
  await alone.end('SIGTERM');
  const many = await startService({ data, args: cloned });
  expect(await put(many, 'key', 'by many')).toBe(204);
  await many.end('SIGTERM');
  const again = await startService({ data, args: single });
  expect(await (await fetch(`${again.url}/v1/kv/key`)).text()).toBe('by many');
});

test('shardctl shows clones, finds keys through them, and has no shards to offer', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: cloned });
  const run = (...args: string[]) => shardctl([...args, '--data', data]);
  expect(await run('put', 'key', 'value')).toMatchObject({ code: 0, stdout: 'Created: 5 bytes, version 1.\n' });
  expect(await run('get', 'key')).toMatchObject({ code: 0, stdout: 'value' });
  while ((await service.status()).stored?.keys !== 1) await new Promise((resolve) => setTimeout(resolve, 5));

  const { stdout: status } = await run('status');
  expect(status).toContain(`cloned over ${join(data, 'shard-1.sqlite')}`);
  expect(status).toMatch(/^clone-1 +clone +ready/m);
  const { stdout: why } = await run('why', 'key');
  expect(why).toContain('clone  any: they all share one store\n');
  expect(why).toContain('there  yes: 5 bytes');
  expect((await run('verify')).stdout).toContain('Every row is where it belongs.');

  const refused = 'The cloned strategy has no shards to add, remove or move.';
  for (const args of [['add-shard', '--yes'], ['remove-shard', '1', '--yes'], ['rebalance', '--yes'], ['throttle']]) {
    expect(await run(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining(refused) });
  }
  await service.end('SIGTERM');
  const again = await startService({ data, args: ['--routers', '3'] });
  expect(again.said.join('\n')).toContain(
    '--routers is \\"3\\", but the cloned strategy does not use it. Leave it out.',
  );
  await again.end('SIGTERM');
  const more = await shardctl(['start', '--port', '0', '--data', data, '--shards', '2']);
  expect([more.code, more.stderr]).toEqual([
    1,
    'shardctl: The cloned strategy has no shards: start without --shards.\n',
  ]);
});

test('a SQLite error that nobody can explain ends the clone that met it, and it is restarted', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: cloned });
  expect(await put(service, 'key', 'kept')).toBe(201);
  // Another hand in the file: its table is away for a moment.
  const other = new Database(join(data, 'shard-1.sqlite'));
  other.exec('ALTER TABLE entry RENAME TO gone');
  await expect(fetch(`${service.url}/v1/kv/key`)).rejects.toThrow();
  other.exec('ALTER TABLE gone RENAME TO entry');
  other.close();

  // Which of the two met it is chance.
  await Promise.any(['clone-1', 'clone-2'].map((id) => service.until(id, ({ restarts }) => restarts === 1)));
  expect(await (await fetch(`${service.url}/v1/kv/key`)).text()).toBe('kept');
});
