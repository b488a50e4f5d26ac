/**
 * A backup is all data as of one moment. Clients write all the time while shards come, go and are killed; each knows what
 * was acknowledged when, and so what a restored service must have.
 * `BACKUP_SECONDS=150 npx vitest run test/process/backup -t minutes` backs up every second or two for as long, beside
 * moves and kills without an end, and tells how it went.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { manifestOf } from '../../src/backup/manifest.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { keysOfShard } from '../support/keys-of-shard.ts';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keysEach = 7;
const seconds = Number(process.env['BACKUP_SECONDS'] ?? 0);
const pauseMs = 1_000;
const killIntervalMs = 4_000;

/** Writes 1, 2, 3, … one after the other, each to the next of its keys: so the order of its writes is known. */
class CountingWriter {
  /** The number whose write began last. */
  begun = 0;
  /** Up to here everything was acknowledged. */
  acknowledged = 0;
  readonly #name: string;
  readonly #running: Promise<void>;
  #isOver = false;

  constructor(url: string, name: string) {
    this.#name = name;
    this.#running = this.#run(new Pool(url, { connections: 1 }));
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** What is wrong with what a service restored from a backup has. */
  async faultsIn(pool: Pool, { acknowledged, begun }: { acknowledged: number; begun: number }): Promise<string[]> {
    const found = await Promise.all(
      Array.from({ length: keysEach }, async (_, key) => {
        const { statusCode, body } = await pool.request({ method: 'GET', path: `/v1/kv/${this.#keyOf(key)}` });
        const text = await body.text();
        return statusCode === 200 ? Number(text) : 0;
      }),
    );
    const newest = Math.max(...found);
    const faults: string[] = [];
    if (newest > begun) faults.push(`${this.#name} has ${newest}, which was not written yet`);
    // What came before the newest was acknowledged before that began.
    const whole = Math.max(newest - 1, acknowledged);
    for (const [key, number] of found.entries()) {
      const last = whole - ((((whole - key) % keysEach) + keysEach) % keysEach);
      if (number < last) faults.push(`${this.#keyOf(key)} has ${number}, not ${last}, beside ${newest}`);
    }
    return faults;
  }

  async #run(pool: Pool): Promise<void> {
    while (!this.#isOver) {
      const number = ++this.begun;
      for (;;) {
        const request = { method: 'PUT' as const, path: `/v1/kv/${this.#keyOf(number % keysEach)}`, body: `${number}` };
        const { statusCode, body } = await pool.request(request);
        await body.dump();
        if (statusCode < 300) break;
      }
      this.acknowledged = number;
    }
    await pool.destroy();
  }

  #keyOf(key: number): string {
    return `${this.#name}-${key}`;
  }
}

type Taken = { readonly directory: string; readonly before: readonly number[]; readonly after: readonly number[] };

async function take(service: TestService, writers: readonly CountingWriter[], directory: string): Promise<Taken> {
  const taken = await tryToTake(service, writers, directory);
  expect(taken).toBeTypeOf('object');
  return taken as Taken;
}

/** What was said instead, where processes that died again and again left no moment in which all served. */
async function tryToTake(
  service: TestService,
  writers: readonly CountingWriter[],
  directory: string,
): Promise<Taken | string> {
  const before = writers.map(({ acknowledged }) => acknowledged);
  const { code, stderr } = await shardctl(['backup', directory, '--data', service.data]);
  const said = stderr.replace(/Copying.*\n/g, '');
  if (code !== 0) return said;
  expect(said).toBe('');
  return { directory, before, after: writers.map(({ begun }) => begun) };
}

/** Restores it to so many shards, and holds what is served there against what each writer knew. */
async function restoresWhole(taken: Taken, writers: readonly CountingWriter[], shards: number): Promise<void> {
  const { directory: from, before, after } = taken;
  const data = `${from}-restored`;
  const { code, stderr } = await shardctl(['restore', from, '--data', data, '--shards', `${shards}`]);
  expect([code, stderr.replace(/Restoring.*\n/g, '')]).toEqual([0, '']);
  const restored = await startService({ data, args: ['--routers', '1'] });
  expect((await restored.status()).processes.filter(({ role }) => role === 'shard')).toHaveLength(shards);
  const pool = new Pool(restored.url, { connections: 8 });
  for (const [writer, one] of writers.entries()) {
    const bounds = { acknowledged: before[writer] as number, begun: after[writer] as number };
    expect(await one.faultsIn(pool, bounds)).toEqual([]);
  }
  await pool.destroy();
  expect((await shardctl(['verify', '--data', data])).code).toBe(0);
  await restored.end('SIGTERM');
}

test('every backup beside writers, moves and kills holds exactly what was acknowledged, as of one moment, on any number of shards', async () => {
  const directory = temporaryDirectory();
  const failpoint = join(directory, 'failpoint');
  const service = await startService({
    data: join(directory, 'data'),
    args: ['--shards', '2', '--routers', '1'],
    env: { SHARDLITE_FAILPOINT_FILE: failpoint },
  });
  const writers = Array.from({ length: 16 }, (_, index) => new CountingWriter(service.url, `writer-${index}`));
  const taken: Taken[] = [];
  const ask = (...args: string[]) => shardctl([...args, '--data', service.data, '--yes']);
  const backup = async () => taken.push(await take(service, writers, join(directory, `backup-${taken.length}`)));

  // One shard has pinned its file, the other has not been told to: for as long as the primary stands still.
  writeFileSync(failpoint, 'primary:snapshot:pinning SIGSTOP');
  const first = backup();
  while (!existsSync(`${failpoint}.taken`)) await sleep(5);
  await sleep(200);
  process.kill(service.pid, 'SIGCONT');
  await first;
  await Promise.all([ask('add-shard'), backup()]);
  await Promise.all([service.kill('shard-1'), backup()]);
  await Promise.all([ask('remove-shard', '2'), backup()]);
  for (const writer of writers) await writer.finish();
  await service.end('SIGTERM');

  for (const [index, one] of taken.entries()) await restoresWhole(one, writers, (index % 3) + 1);
}, 240_000);

test.skipIf(seconds === 0)(
  `for ${seconds} seconds, which may be minutes, every backup of a service whose shards come, go and are killed is whole`,
  { timeout: 20 * (seconds + 60) * 1_000 },
  async () => {
    const directory = temporaryDirectory();
    const service = await startService({
      data: join(directory, 'data'),
      // Its deaths are no reason to give a shard up: somebody kills it.
      args: ['--shards', '2', '--routers', '1', '--healthy-after-ms', '500'],
    });
    const writers = Array.from({ length: 16 }, (_, index) => new CountingWriter(service.url, `writer-${index}`));
    const taken: Taken[] = [];
    const refused: string[] = [];
    const done = { changes: 0, kills: 0 };
    const overAtMs = performance.now() + seconds * 1_000;
    const isOver = () => performance.now() > overAtMs;
    const shardNames = async () =>
      (await service.status()).processes.filter(({ role }) => role === 'shard').map(({ id }) => id);

    const changing = async () => {
      while (!isOver()) {
        const names = await shardNames();
        const newest = names.at(-1) as string;
        const change = names.length === 2 ? ['add-shard'] : ['remove-shard', newest.replace('shard-', '')];
        const { code, stdout, stderr } = await shardctl([...change, '--data', service.data, '--yes']);
        // What was rolled back is as good for a backup.
        if (code !== 0) refused.push(`${change.join(' ')}: ${stdout}${stderr}`);
        done.changes++;
      }
    };
    const killing = async () => {
      while (!isOver()) {
        const names = await shardNames();
        const name = names[done.kills % names.length] as string;
        // It may be one that a change has just removed, or that starts again.
        await service.kill(name).then(
          () => done.kills++,
          () => undefined,
        );
        await sleep(killIntervalMs);
      }
    };
    const backingUp = async () => {
      while (!isOver()) {
        const to = join(directory, `backup-${taken.length}`);
        const one = await tryToTake(service, writers, to);
        if (typeof one === 'object') taken.push(one);
        else {
          refused.push(one);
          expect([one, existsSync(to)]).toEqual([expect.stringContaining('All 5 attempts were in vain'), false]);
        }
        await sleep(pauseMs);
      }
    };
    await Promise.all([changing(), killing(), backingUp()]);
    for (const writer of writers) await writer.finish();
    await service.end('SIGTERM');
    const writes = writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    const { changes, kills } = done;
    console.info(`${taken.length} backups beside ${writes} writes, ${changes} changes, ${kills} kills`, { refused });
    expect(Math.min(taken.length, changes, kills)).toBeGreaterThan(0);
    for (const [index, one] of taken.entries()) await restoresWhole(one, writers, (index % 5) + 1);
  },
);

test.each(['single', 'cloned'])(
  'a backup of the %s strategy is restored partitioned, with types, versions and expiry',
  async (strategy) => {
    const directory = temporaryDirectory();
    const service = await startService({ data: join(directory, 'data'), args: ['--strategy', strategy] });
    const put = (url: string, key: string, headers: Record<string, string>) =>
      fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: `value of ${key}`, headers });
    await put(service.url, 'page', { 'content-type': 'text/html' });
    const sessions = Array.from({ length: 12 }, (_, index) => `session-${index}`);
    for (const key of sessions) await put(service.url, `${key}?ttl=3600`, {});
    expect(await shardctl(['backup', join(directory, 'backup'), '--data', service.data])).toMatchObject({ code: 0 });
    await put(service.url, 'page', {});

    const data = join(directory, 'restored');
    const args = ['restore', join(directory, 'backup'), '--data', data, '--shards', '3'];
    // The clock of the machine is two days ahead meanwhile: a shard that is added goes by the time of the others.
    const ahead = { SHARDLITE_CALENDAR_AHEAD_MS: `${2 * 86_400_000}` };
    const env = {
      ...ahead,
      NODE_OPTIONS: `--require ${fileURLToPath(new URL('../support/odd-clock.cjs', import.meta.url))}`,
    };
    expect(await shardctl(args, { env })).toMatchObject({ code: 0 });
    const restored = await startService({ data });
    for (const key of ['page', ...sessions]) {
      const [was, is] = await Promise.all([service, restored].map(({ url }) => fetch(`${url}/v1/kv/${key}`)));
      expect([is?.status, is?.headers.get('expires-at')]).toEqual([200, was?.headers.get('expires-at')]);
      expect(await is?.text()).toMatch(/^value of /);
      if (key === 'page') expect(is?.headers.get('content-type')).toBe('text/html');
      else expect(is?.headers.get('etag')).toBe(was?.headers.get('etag'));
    }
  },
);

test('what is no whole backup is not restored, nothing is overwritten, and what cannot be replaced is refused first', async () => {
  const directory = temporaryDirectory();
  const backup = join(directory, 'backup');
  const service = await startService({ data: join(directory, 'data'), args: ['--shards', '2'] });
  await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'value' });
  await shardctl(['backup', backup, '--data', service.data]);
  expect(readdirSync(backup).sort()).toEqual(['manifest.json', 'meta.sqlite', 'shard-1.sqlite', 'shard-2.sqlite']);

  expect(await shardctl(['backup', backup, '--data', service.data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty. A backup needs an empty or new directory'),
  });
  expect(await shardctl(['restore', backup, '--data', service.data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not empty. Restore into an empty or new directory'),
  });
  expect(await shardctl(['restore', backup, '--data', join(directory, 'new'), '--shards', 'many'])).toMatchObject({
    code: 2,
  });
  expect((await shardctl(['backup', 'verify', backup])).code).toBe(0);
  // A file in the way, and where nothing can be made.
  const manifestFile = join(backup, 'manifest.json');
  for (const place of [manifestFile, join(manifestFile, 'below'), '/proc/shardlite']) {
    const refused = { code: 1, stderr: expect.stringMatching(/^shardctl: \S+ cannot be made: E\w+: /) };
    expect(await shardctl(['restore', backup, '--data', place])).toMatchObject(refused);
    expect(await shardctl(['backup', place, '--data', service.data])).toMatchObject(refused);
  }
  // A link stays one. What a rename could not replace is known before anything is copied.
  const [real, link, toNothing] = ['real', 'link', 'to-nothing'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(real);
  symlinkSync(real, link);
  symlinkSync(join(directory, 'nowhere'), toNothing);
  expect(await shardctl(['restore', backup, '--data', link])).toMatchObject({ code: 0 });
  expect([lstatSync(link).isSymbolicLink(), readdirSync(real).sort()]).toEqual([
    true,
    readdirSync(backup).slice(1).sort(),
  ]);
  const irreplaceable = [
    [toNothing, 'is a symbolic link to nothing'],
    [smallDisk('1m'), 'is a mount point'],
  ] as const;
  for (const [place, why] of irreplaceable) {
    if (place === undefined) continue;
    const { code, stderr } = await shardctl(['restore', backup, '--data', place]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(new RegExp(`^shardctl: ${place} ${why}`))]);
  }

  appendFileSync(join(backup, 'shard-2.sqlite'), 'x');
  const damaged = { code: 1, stderr: expect.stringContaining('is not as it was when the backup was made') };
  expect(await shardctl(['backup', 'verify', backup])).toMatchObject(damaged);
  expect(await shardctl(['restore', backup, '--data', join(directory, 'new')])).toMatchObject(damaged);
  const manifest = JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8'));
  manifest.files[0].name = '../data/meta.sqlite';
  writeFileSync(join(backup, 'manifest.json'), JSON.stringify(manifest));
  expect((await shardctl(['restore', backup, '--data', join(directory, 'new')])).stderr).toContain('is no backup');
  rmSync(join(backup, 'manifest.json'));
  expect((await shardctl(['restore', backup, '--data', join(directory, 'new')])).stderr).toContain(
    'has no manifest.json',
  );
  expect(existsSync(join(directory, 'new'))).toBe(false);
});

test('a backup for which a shard is missing is refused with what to do, and leaves nothing behind', async () => {
  const directory = temporaryDirectory();
  const [data, backup] = [join(directory, 'data'), join(directory, 'backup')];
  await (await startService({ data, args: ['--shards', '2', '--routers', '1'] })).end('SIGTERM');
  rmSync(join(data, 'shard-2.sqlite'));
  await startService({ data, args: ['--routers', '1'] });
  expect(await shardctl(['backup', backup, '--data', data])).toMatchObject({
    code: 1,
    stderr:
      'shardctl: All 5 attempts were in vain, the last one because: shard-2 is failed. Look at `shardctl status`, and try again when every process is ready.\n',
  });
  expect(existsSync(backup)).toBe(false);
});

test('a file without writes since an earlier backup is that of the earlier one, and each backup is whole without the others', async () => {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  const service = await startService({ data: at('data'), args: ['--shards', '2', '--routers', '1'] });
  const topology = firstRing(new Map([1, 2].map((shard) => [shard, 1]))).describe();
  const [keyOf1, keyOf2] = [1, 2].map((shard) => keysOfShard(topology, shard, 1, 'key')[0]);
  const put = (key: string | undefined, body: string) => fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body });
  const backup = async (name: string, ...since: string[]) => {
    const { code, stdout } = await shardctl(['backup', at(name), '--data', service.data, ...since]);
    expect(code).toBe(0);
    return stdout;
  };
  const inodes = (name: string) => [1, 2].map((shard) => statSync(join(at(name), `shard-${shard}.sqlite`)).ino);
  await put(keyOf1, 'first');
  await put(keyOf2, 'first');
  await backup('first');

  await put(keyOf2, 'second');
  expect(await backup('second', '--since', at('first'))).toContain(`(1 of its files unchanged since ${at('first')})`);
  expect(inodes('second').map((inode, index) => inode === inodes('first')[index])).toEqual([true, false]);
  expect((await shardctl(['backup', 'verify', at('first')])).code).toBe(0);
  rmSync(at('first'), { recursive: true });
  await put(keyOf1, 'third');
  await backup('third', '--since', at('second'));

  await shardctl(['restore', at('second'), '--data', at('restored')]);
  const restored = await startService({ data: at('restored'), args: ['--routers', '1'] });
  const values = [keyOf1, keyOf2].map(async (key) => (await fetch(`${restored.url}/v1/kv/${key}`)).text());
  expect(await Promise.all(values)).toEqual(['first', 'second']);
  // As many writes as there were, but others.
  await fetch(`${restored.url}/v1/kv/${keyOf1}`, { method: 'PUT', body: 'another third' });
  const ofRestored = await shardctl(['backup', at('other'), '--since', at('third'), '--data', at('restored')]);
  expect(ofRestored.stdout).toContain('(0 of its files unchanged');
  expect(lsnsIn(at('other'))).toEqual(lsnsIn(at('third')));

  // What is damaged is not taken over, nor is anything of another service, or of what is no backup.
  appendFileSync(join(at('third'), 'shard-1.sqlite'), 'x');
  expect(await backup('fourth', '--since', at('third'))).toContain('(1 of its files unchanged');
  expect(inodes('fourth')[1]).toBe(inodes('third')[1]);
  const manifest = join(at('third'), 'manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/"service": "[^"]+"/, '"service": "another"'));
  for (const [earlier, why] of [
    ['third', 'is a backup of another service'],
    ['data', 'is no whole backup'],
  ] as const) {
    const refused = await shardctl(['backup', at('fifth'), '--since', at(earlier), '--data', service.data]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
    expect(existsSync(at('fifth'))).toBe(false);
  }
  for (const name of ['second', 'third']) rmSync(at(name), { recursive: true });
  expect((await shardctl(['backup', 'verify', at('fourth')])).code).toBe(0);
});

function lsnsIn(backup: string): number[] {
  return manifestOf(backup).shards.map(({ lsn }) => lsn);
}

test('a backup that is interrupted leaves nothing behind, and while one is taken another has no part in its directory', async () => {
  const directory = temporaryDirectory();
  const [data, backup] = [join(directory, 'data'), join(directory, 'backup')];
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  for (let index = 0; index < 6; index++) {
    await fetch(`${service.url}/v1/kv/key-${index}`, { method: 'PUT', body: randomBytes(1_000_000) });
  }
  const args = [shardctlPath, 'backup', backup, '--rate', '1', '--data', data];
  const begun = spawn(process.execPath, args, { stdio: 'ignore' });
  const ended = once(begun, 'exit');
  await expect.poll(() => existsSync(backup) && readdirSync(backup).length).toBeGreaterThan(1);
  expect(await shardctl(['backup', backup, '--data', data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has a backup that is being taken, or broke off'),
  });
  expect(readdirSync(backup).length).toBeGreaterThan(1);
  begun.kill('SIGINT');
  expect(await ended).toEqual([1, null]);
  expect(existsSync(backup)).toBe(false);
  // The service has let go of its files: the next one need not wait.
  expect(await shardctl(['backup', backup, '--data', data])).toMatchObject({ code: 0 });
  expect((await shardctl(['backup', 'verify', backup])).code).toBe(0);
});
