/** Somebody tidies up in the directory of a service that runs: nobody stays shut out, and nothing dies of it. */

import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { statusOfService } from '../../src/admin/admin-client.ts';
import { startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`);

test('a removed socket, or all of them, come back: operators and new processes find their way, and every write stays', async () => {
  const data = join(temporaryDirectory(), 'data');
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  const [run, socket] = [join(data, 'run'), join(data, 'run', 'admin.sock')];
  const idsReady = async () =>
    (await service.status()).processes.flatMap(({ id, pid, state }) => (state === 'ready' ? [[id, pid] as const] : []));
  const read = async (key: string) => (await fetch(`${service.url}/v1/kv/${key}`)).text();
  const before = new Map(await idsReady());
  for (const key of keys) await fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: 'before' });

  rmSync(socket);
  await expect.poll(idsReady).toHaveLength(4);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  rmSync(socket);
  writeFileSync(socket, 'not a socket');
  await expect.poll(idsReady).toHaveLength(4);

  // Those that are made anew have to reach those that stayed.
  renameSync(run, `${run}-elsewhere`);
  const killed = ['shard-1', 'router-1'];
  for (const id of killed) process.kill(before.get(id) as number, 'SIGKILL');
  const anew = async () => (await idsReady()).filter(([id, pid]) => before.get(id) !== pid).map(([id]) => id);
  await expect.poll(anew).toEqual(expect.arrayContaining(killed));
  for (const key of keys) {
    expect(await read(key)).toBe('before');
    expect((await fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: 'after' })).ok).toBe(true);
  }

  // For a while nobody can even look at the directory.
  const elsewhere = `${data}-elsewhere`;
  renameSync(data, elsewhere);
  symlinkSync(data, data);
  for (const key of [...keys, ...keys, ...keys]) {
    expect((await fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: 'last' })).ok).toBe(true);
  }
  expect(await statusOfService(elsewhere)).toMatchObject({ state: 'ready', diskFreeBytes: null });
  rmSync(data);
  renameSync(elsewhere, data);
  expect(await idsReady()).toHaveLength(4);
  expect(new Set(await Promise.all(keys.map(read)))).toEqual(new Set(['last']));
  expect((await service.end('SIGTERM')).code).toBe(0);
});
