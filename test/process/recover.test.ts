/** `shardctl recover` on what operators' mistakes leave behind: it says what is wrong, and the ways on lead somewhere. */

import { cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ProgramResult, shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);

async function putAll(service: TestService, value: string): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const key of keys) {
    const answer = await fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: value });
    versions.set(key, Number(answer.headers.get('etag')?.slice(1, -1)));
  }
  return versions;
}

/** The keys by what is read of them: a value, or a status. */
async function readAll(service: TestService): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const key of keys) {
    const answer = await fetch(`${service.url}/v1/kv/${key}`);
    const what = answer.ok ? await answer.text() : String(answer.status);
    found[what] = [...(found[what] ?? []), key];
  }
  return found;
}

type Stopped = {
  readonly data: string;
  readonly file: (name: string) => string;
  readonly recover: (...args: string[]) => Promise<ProgramResult>;
};

async function stopped(): Promise<Stopped> {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  await putAll(service, 'first');
  await service.end('SIGTERM');
  const recover = (...args: string[]) => shardctl(['recover', '--data', data, ...args]);
  return { data, file: (name) => join(data, name), recover };
}

async function verified(data: string): Promise<boolean> {
  return JSON.parse((await shardctl(['verify', '--json', '--data', data])).stdout).isSound;
}

test('where everything fits it says so, and of a running service it wants nothing', async () => {
  const { data, recover } = await stopped();
  const found = await recover();
  expect([found.code, found.stdout]).toEqual([0, expect.stringContaining('Every file fits')]);
  expect((await recover('--accept-loss', '2', '--yes')).stderr).toContain('there is no loss to accept');
  await startService({ data });
  expect(await recover()).toMatchObject({ code: 1, stderr: expect.stringContaining('Run `shardctl stop` first') });
});

test('in a directory without a service it makes nothing', async () => {
  const empty = temporaryDirectory();
  const refused = { code: 1, stderr: expect.stringMatching(`^shardctl: ${empty} has no readable meta.sqlite`) };
  expect(await shardctl(['recover', '--rebuild', '--yes', '--data', empty])).toMatchObject(refused);
  expect(readdirSync(empty)).toEqual([]);
});

test("a shard whose file is lost goes on empty, above every version that was given, and the others' keys stay", async () => {
  const { data, file, recover } = await stopped();
  rmSync(file('shard-2.sqlite'));
  const found = await recover();
  expect([found.code, found.stderr]).toEqual([1, expect.stringContaining('`shardctl recover --accept-loss 2`')]);
  expect(found.stdout).toContain(`${file('shard-2.sqlite')} is missing.`);
  expect(existsSync(file('shard-2.sqlite'))).toBe(false);
  expect(await recover('--accept-loss', '2')).toMatchObject({ code: 2, stderr: expect.stringContaining('Use --yes') });

  const accepted = await recover('--accept-loss', '2', '--yes');
  expect([accepted.code, accepted.stderr]).toEqual([0, '']);
  expect(accepted.stdout).toContain('LOSS ACCEPTED: shard 2 continues with 0 keys in its 8,192 slots.');
  const service = await startService({ data });
  const { first = [], 404: lost = [] } = await readAll(service);
  expect([first.length + lost.length, lost.length > 10, first.length > 10]).toEqual([60, true, true]);
  const versions = await putAll(service, 'second');
  for (const key of lost) expect(versions.get(key)).toBeGreaterThan(1_000);
  expect(Object.keys(await readAll(service))).toEqual(['second']);
  await service.end('SIGTERM');
  expect(await verified(data)).toBe(true);
});

test('a lost meta.sqlite is made anew: every slot to its shard, under the same name of the service', async () => {
  const { data, file, recover } = await stopped();
  const before = await startService({ data });
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  const { service: name, ring } = await before.status();
  await before.end('SIGTERM');
  rmSync(file('meta.sqlite'));
  expect((await recover()).stderr).toContain('`shardctl recover --rebuild`');

  const rebuilt = JSON.parse((await recover('--rebuild', '--yes', '--json')).stdout);
  expect(rebuilt).toMatchObject({ meta: 'fits', done: [expect.stringContaining('A new meta.sqlite was made')] });
  const service = await startService({ data });
  expect(await service.status()).toMatchObject({ service: name, ring });
  expect(Object.keys(await readAll(service))).toEqual(['first']);
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  expect((await service.processStatus('shard-4')).state).toBe('ready');
  await service.end('SIGTERM');
  expect(await verified(data)).toBe(true);
});

test('an older meta.sqlite after an add-shard is replaced by one that knows the new shard, and is set aside', async () => {
  const { data, file, recover } = await stopped();
  cpSync(file('meta.sqlite'), file('older'));
  const before = await startService({ data });
  expect((await shardctl(['add-shard', '--weight', '2', '--yes', '--data', data])).code).toBe(0);
  await before.end('SIGTERM');
  cpSync(file('older'), file('meta.sqlite'));
  const found = await recover();
  expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('meta.sqlite is an older copy')]);

  expect((await recover('--rebuild', '--yes')).code).toBe(0);
  expect(existsSync(file('meta.sqlite.aside-0'))).toBe(true);
  const service = await startService({ data });
  expect(Object.keys(await readAll(service))).toEqual(['first']);
  expect((await service.status()).processes.filter(({ role }) => role === 'shard')).toHaveLength(3);
  await service.end('SIGTERM');
  expect(await verified(data)).toBe(true);
});

test('of an older copy a shard keeps what is still its own, and nothing that was deleted or moved comes back', async () => {
  const { data, file, recover } = await stopped();
  cpSync(file('shard-1.sqlite'), file('older'));
  const before = await startService({ data });
  const versions = await putAll(before, 'second');
  // Slots of shard 1 go to shard 3: in the older copy their rows are still there.
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  await before.end('SIGTERM');
  renameSync(file('older'), file('shard-1.sqlite'));
  expect((await recover()).stdout).toContain('shard-1.sqlite is an older copy');

  expect((await recover('--accept-loss', '1', '--yes')).stdout).toContain('LOSS ACCEPTED: shard 1 continues with');
  const service = await startService({ data });
  const { first = [], second = [], ...others } = await readAll(service);
  expect([others, first.length > 5, second.length > 20]).toEqual([{}, true, true]);
  const later = await putAll(service, 'third');
  for (const key of keys) expect(later.get(key)).toBeGreaterThan(versions.get(key) as number);
  await service.end('SIGTERM');
  expect(await verified(data)).toBe(true);
});
