/** A disk that is really full: a file system of 4 MiB in memory. */

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shardctl, startService } from '../support/service.ts';
import { smallDisk } from '../support/small-disk.ts';

test('a full disk answers 507, keeps what was acknowledged, goes on reading, and writes again once there is room', async ({
  skip,
}) => {
  const data = smallDisk('4m');
  if (data === undefined) return skip('mounting a small file system needs root');
  const service = await startService({ data, args: ['--shards', '1', '--routers', '1'] });
  const put = (key: string, bytes: number) =>
    fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: key.padEnd(bytes, '.') });

  const kept: string[] = [];
  let refused: Response | undefined;
  for (let index = 0; refused === undefined; index++) {
    const answer = await put(`key-${index}`, 100_000);
    if (answer.status === 201) kept.push(`key-${index}`);
    else refused = answer;
  }
  expect(kept.length).toBeGreaterThan(5);
  expect(refused.status).toBe(507);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(await refused.json()).toMatchObject({ code: 'disk-full', status: 507 });

  for (const key of kept)
    expect(await (await fetch(`${service.url}/v1/kv/${key}`)).text()).toBe(key.padEnd(100_000, '.'));
  expect((await service.processStatus('shard-1')).restarts).toBe(0);

  // A shard that is added has no room either: it is undone, and nothing else happens.
  const added = await shardctl(['add-shard', '--yes', '--data', data]);
  expect([added.code, added.stderr]).toEqual([1, expect.stringContaining('There is no room on the disk')]);
  for (const key of kept) expect((await fetch(`${service.url}/v1/kv/${key}`, { method: 'HEAD' })).status).toBe(200);
  expect((await service.processStatus('shard-1')).slots).toBe(16_384);

  execFileSync('mount', ['-o', 'remount,size=64m', data]);
  expect((await put('after', 100_000)).status).toBe(201);
});
