/** Shards come and go while clients write and read: nobody is told an error, nothing is lost, nothing comes back. */

import { expect, test } from 'vitest';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function clientsOf(service: TestService): RecordingClients {
  return new RecordingClients({
    url: service.url,
    clients: 32,
    keysOf: (index) => Array.from({ length: 40 }, (_, key) => `client${index}-${key}`),
  });
}

async function slotsOf(service: TestService): Promise<number[]> {
  return (await service.status()).processes.filter(({ role }) => role === 'shard').map(({ slots }) => slots as number);
}

test('add-shard and remove-shard under load: no failed request, no wrong answer, balance within one slot', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  const clients = clientsOf(service);
  await clients.acknowledges(3_000);

  const added = await shardctl(['add-shard', '--yes', '--data', data]);
  expect([added.code, added.stderr]).toEqual([0, '']);
  expect((await slotsOf(service)).sort()).toEqual([5_461, 5_461, 5_462]);
  await clients.acknowledges(1_000);

  const removed = await shardctl(['remove-shard', '1', '--yes', '--data', data]);
  expect([removed.code, removed.stderr]).toEqual([0, '']);
  expect(await slotsOf(service)).toEqual([8_192, 8_192]);
  await clients.acknowledges(1_000);
  await clients.finish();

  expect(clients.failures).toEqual([]);
  expect((await clients.verify(service.url)).mistakes).toEqual([]);
  const running = await shardctl(['verify', '--data', data, '--json']);
  expect([running.code, running.stderr]).toEqual([0, '']);
  await service.end('SIGTERM');
  const stopped = await shardctl(['verify', '--data', data, '--json']);
  expect(stopped.code).toBe(0);
  const contentOf = ({ stdout }: { stdout: string }) => {
    const { keys, bytes, shards } = JSON.parse(stdout) as { keys: number; bytes: number; shards: { digest: number }[] };
    return { keys, bytes, digests: shards.map(({ digest }) => digest) };
  };
  expect(contentOf(stopped)).toEqual(contentOf(running));
});
