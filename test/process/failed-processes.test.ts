/** Processes that cannot stay alive: they are tried again, and a service of which nothing can serve says so by ending. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const patience = 60_000;

/** A stopped service whose first shard cannot open its file; mending puts the file back. */
async function brokenService(shards: number): Promise<{ readonly data: string; readonly mend: () => void }> {
  const data = temporaryDirectory();
  await (await startService({ data, args: ['--shards', String(shards)] })).end('SIGTERM');
  const file = join(data, 'shard-1.sqlite');
  const kept = readFileSync(file);
  writeFileSync(file, 'this is no database, whatever its name says');
  return { data, mend: () => writeFileSync(file, kept) };
}

test('a shard that has failed comes back by itself once its cause is mended', { timeout: patience }, async () => {
  const { data, mend } = await brokenService(2);
  const service = await startService({ data, args: ['--failed-retry-ms', '300'] });
  expect(['failed', 'retrying']).toContain((await service.processStatus('shard-1')).state);
  const { restarts } = await service.processStatus('shard-1');
  // Tried again and again, and told as failed meanwhile: nobody waits for it.
  await service.until('shard-1', (status) => status.restarts > restarts + 1);
  expect(await (await fetch(`${service.url}/readyz`)).json()).toMatchObject({ status: 'degraded', failedShards: [1] });
  mend();
  await service.until('shard-1', ({ state }) => state === 'ready');
  await expect
    .poll(async () => ((await (await fetch(`${service.url}/readyz`)).json()) as { status: string }).status)
    .toBe('ready');
});

test('a service of which every shard has failed ends with exit code 1 after its time', {
  timeout: patience,
}, async () => {
  const { data } = await brokenService(1);
  const { code, stdout } = await shardctl([
    ...['start', '--port', '0', '--data', data],
    ...['--failed-exit-ms', '500', '--failed-retry-ms', '100'],
  ]);
  expect(code).toBe(1);
  expect(stdout).toContain('no process has been able to serve for too long');
});
