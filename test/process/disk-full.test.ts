/** A disk that is really full, and what can be done on it. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import type { TopologyChange } from '../../src/rebalance/topology-change.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { fillDisk, resizeDisk, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const needsRoot = 'mounting a small file system needs root';
const valueBytes = 100_000;

const put = (service: TestService, key: string) =>
  fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: key.padEnd(valueBytes, '.') });
const remove = (service: TestService, key: string) => fetch(`${service.url}/v1/kv/${key}`, { method: 'DELETE' });

/** Writes until there is no room: the keys that were written, and the refusal. */
async function filled(service: TestService): Promise<{ readonly kept: string[]; readonly refused: Response }> {
  const kept: string[] = [];
  for (let index = 0; ; index++) {
    const answer = await put(service, `key-${index}`);
    if (answer.status !== 201) return { kept, refused: answer };
    kept.push(`key-${index}`);
  }
}

async function expectRead(service: TestService, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    expect(await (await fetch(`${service.url}/v1/kv/${key}`)).text()).toBe(key.padEnd(valueBytes, '.'));
  }
}

/** The test's own time-out ends a wait in vain. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a full disk answers 507, keeps what was acknowledged, goes on reading, and writes again once there is room', async ({
  skip,
}) => {
  const data = smallDisk('4m');
  if (data === undefined) return skip(needsRoot);
  const service = await startService({ data, args: ['--shards', '1', '--routers', '1'] });

  const { kept, refused } = await filled(service);
  expect(kept.length).toBeGreaterThan(5);
  expect(refused.status).toBe(507);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await refused.json()).toMatchObject({ code: 'disk-full', status: 507 });

  await expectRead(service, kept);
  expect((await service.processStatus('shard-1')).restarts).toBe(0);

  // A shard that is added has no room either: it is undone, and nothing else happens.
  const added = await shardctl(['add-shard', '--yes', '--data', data]);
  expect([added.code, added.stderr]).toEqual([1, expect.stringContaining('There is no room on the disk')]);
  for (const key of kept) expect((await fetch(`${service.url}/v1/kv/${key}`, { method: 'HEAD' })).status).toBe(200);
  expect((await service.processStatus('shard-1')).slots).toBe(16_384);

  resizeDisk(data, '64m');
  expect((await put(service, 'after')).status).toBe(201);
});

test.for(['partitioned', 'cloned', 'single'])(
  'on a disk without a free byte, %s, clients delete, a killed process comes back, and what was deleted makes room',
  async (strategy, { skip }) => {
    const data = smallDisk('72m');
    if (data === undefined) return skip(needsRoot);
    const args = ['--strategy', strategy, '--reserve-bytes', '16MiB'];
    const service = await startService({ data, args: strategy === 'partitioned' ? [...args, '--shards', '2'] : args });
    const reserve = join(data, 'reserve');
    await until(() => existsSync(reserve));

    const { kept, refused } = await filled(service);
    expect(refused.status).toBe(507);
    const emptyDisk = fillDisk(data);
    expect(existsSync(reserve)).toBe(true);

    const [worker] = (await service.status()).processes.filter(({ role }) => role === 'shard' || role === 'clone');
    const { id, restarts } = worker as { id: string; restarts: number };
    await service.kill(id);
    await service.until(id, (status) => status.state === 'ready' && status.restarts > restarts);
    await expectRead(service, kept);

    const gone = kept.splice(0, kept.length / 2);
    expect(await Promise.all(gone.map(async (key) => (await remove(service, key)).status))).toEqual(
      gone.map(() => 204),
    );
    await expectRead(service, kept);
    for (const key of gone) expect((await fetch(`${service.url}/v1/kv/${key}`)).status).toBe(404);

    // What is left is not for writes that take room.
    if (existsSync(`${reserve}.given`)) expect((await put(service, 'early')).status).toBe(507);
    emptyDisk();
    await until(async () => (await put(service, 'after')).status === 201);
    expect(existsSync(reserve)).toBe(true);
    await expectRead(service, [...kept, 'after']);
    expect((await shardctl(['verify', '--data', data])).code).toBe(0);
  },
);

test('a change that is under way when the disk fills up comes to an end with the room of the reserve, and nothing is lost', async ({
  skip,
}) => {
  const data = smallDisk('128m');
  if (data === undefined) return skip(needsRoot);
  const service = await startService({ data, args: ['--shards', '2', '--reserve-bytes', '16MiB'] });
  const reserve = join(data, 'reserve');
  await until(() => existsSync(reserve));
  // More for each shard than its log has room for already.
  const keys = Array.from({ length: 400 }, (_, index) => `key-${index}`);
  for (const key of keys) expect((await put(service, key)).status).toBe(201);

  await shardctl(['throttle', '--rows-per-s', '40', '--data', data]);
  await askService(data, 'POST', '/v1/changes', { kind: 'remove-shard', shard: 2 });
  await service.until('shard-1', ({ slots }) => (slots as number) > 8_192);
  const emptyDisk = fillDisk(data);
  await shardctl(['throttle', '--data', data]);

  let isReserveUsed = false;
  await until(async () => {
    isReserveUsed ||= existsSync(`${reserve}.given`);
    return (await service.status()).moves.open.length === 0;
  });
  expect(isReserveUsed).toBe(true);
  const [change] = (await askService(data, 'GET', '/v1/changes')).body as [TopologyChange];
  const slots = (await service.status()).processes.flatMap((process) => process.slots ?? []);
  // It went on, or was undone, by what room the reserve and purged rows left.
  expect(slots).toEqual(change.state === 'done' ? [16_384] : [8_192, 8_192]);
  await expectRead(service, keys);

  emptyDisk();
  await until(async () => (await put(service, 'after')).status === 201);
  expect((await shardctl(['verify', '--data', data])).code).toBe(0);
});

test('a restore to more shards than there is room for is refused, and leaves nothing behind', async ({ skip }) => {
  const disk = smallDisk('8m');
  if (disk === undefined) return skip(needsRoot);
  const directory = temporaryDirectory();
  const [data, backup] = [join(directory, 'data'), join(directory, 'backup')];
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  await put(service, 'key');
  await shardctl(['backup', backup, '--data', data]);
  expect(await shardctl(['restore', backup, '--data', join(disk, 'restored'), '--shards', '4'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^shardctl: The shards cannot be changed: the disk has \d\.\d MiB left, /m),
  });
  expect(readdirSync(disk)).toEqual([]);
});
