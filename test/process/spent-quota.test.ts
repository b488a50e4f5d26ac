/**
 * A quota that is spent: SQLite tells it as an I/O error, which otherwise ends a shard. The errno is given by a library
 * that is preloaded into the real service, since file systems with quotas are rarely at hand.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const source = fileURLToPath(new URL('../support/spent-quota.c', import.meta.url));

/** Undefined without a compiler, or where nothing can be preloaded. */
function compiled(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const library = join(temporaryDirectory(), 'spent-quota.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'ignore' });
    return library;
  } catch {
    return undefined;
  }
}

test('a spent quota counts as a full disk: 507, no process ends, reads and deletes go on', async ({ skip }) => {
  const library = compiled();
  if (library === undefined) return skip('a C compiler and Linux are needed');
  const data = temporaryDirectory();
  const env = { LD_PRELOAD: library, QUOTA_DIRECTORY: data };
  const service = await startService({ data, env, args: ['--shards', '1', '--routers', '1'] });
  const ask = (key: string, method: string) =>
    fetch(`${service.url}/v1/kv/${key}`, { method, ...(method === 'PUT' && { body: 'x'.repeat(100_000) }) });
  while (!existsSync(join(data, 'reserve'))) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const key of ['one', 'two']) expect((await ask(key, 'PUT')).status).toBe(201);

  writeFileSync(join(data, 'quota-spent'), '');
  const refused = await ask('three', 'PUT');
  expect([refused.status, await refused.json()]).toEqual([507, expect.objectContaining({ code: 'disk-full' })]);
  expect((await ask('one', 'GET')).status).toBe(200);
  expect((await ask('one', 'DELETE')).status).toBe(204);
  expect((await ask('one', 'GET')).status).toBe(404);
  expect(existsSync(join(data, 'reserve'))).toBe(false);
  expect((await ask('three', 'PUT')).status).toBe(507);
  expect((await service.processStatus('shard-1')).restarts).toBe(0);

  rmSync(join(data, 'quota-spent'));
  while ((await ask('three', 'PUT')).status !== 201) await new Promise((resolve) => setTimeout(resolve, 10));
  expect((await service.processStatus('shard-1')).restarts).toBe(0);
});
