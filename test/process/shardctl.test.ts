/** `shardctl` as operators and scripts use it: what it prints, and how it exits. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ServiceStatus } from '../../src/admin/contract.ts';
import { command } from '../support/command.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('put, get, why and delete show one key through its life', async () => {
  const data = temporaryDirectory();
  await startService({ data, args: ['--shards', '2'] });
  const run = async (...args: string[]) => command([...args, '--data', data]);

  expect(await run('put', 'user:{42}:name', 'Ada')).toMatchObject({
    code: 0,
    stdout: 'Created: 3 bytes, version 1.\n',
  });
  expect(await run('put', 'user:{42}:name', 'Ada Lovelace', '--content-type', 'text/plain')).toMatchObject({
    code: 0,
    stdout: 'Replaced: 12 bytes, version 2.\n',
  });
  expect(await run('get', 'user:{42}:name')).toMatchObject({ code: 0, stdout: 'Ada Lovelace' });

  const why = await run('why', 'user:{42}:name');
  expect(why.code).toBe(0);
  expect(why.stdout.split('\n').map((line) => line.split(/\s+/)[0])).toEqual([
    'key',
    'tag',
    'hash',
    'slot',
    'shard',
    'file',
    'there',
    '',
  ]);
  expect(why.stdout).toContain('tag    42\n');
  expect(why.stdout).toContain('there  yes: 12 bytes, text/plain, version 2\n');
  const steps = JSON.parse((await run('why', 'user:{42}:name', '--json')).stdout) as {
    slot: number;
    shard: number;
    file: string;
  };
  // The file that is named holds the value.
  expect(readFileSync(steps.file).length + readFileSync(`${steps.file}-wal`).length).toBeGreaterThan(0);
  expect(readFileSync(`${steps.file}-wal`).includes('Ada Lovelace')).toBe(true);

  expect(await run('delete', 'user:{42}:name')).toMatchObject({ code: 0 });
  expect((await run('why', 'user:{42}:name')).stdout).toContain('there  no\n');
  expect(await run('get', 'user:{42}:name')).toMatchObject({
    code: 1,
    stdout: '',
    stderr:
      'shardctl: There is no value under the key user:{42}:name. (key-not-found) `shardctl list` shows all keys.\n',
  });
});

test('values come from a file or standard input, and go to standard output, byte for byte; keys may be any bytes', async () => {
  const data = temporaryDirectory();
  await startService({ data });
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 7) % 256));
  const file = join(data, 'value.bin');
  writeFileSync(file, bytes);

  expect((await command(['put', 'from-file', '--file', file, '--data', data])).code).toBe(0);
  expect((await shardctl(['put', '_wD-', '--base64url', '--data', data], { input: bytes })).code).toBe(0);
  expect((await command(['get', 'from-file', '--data', data])).bytes.equals(bytes)).toBe(true);
  expect((await shardctl(['get', '_wD-', '--base64url', '--data', data])).bytes.equals(bytes)).toBe(true);
});

test('status shows every process and what each does as tables, and the same as JSON', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '3', '--routers', '2'] });
  await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'value' });
  await service.until('shard-1', ({ keys }) => keys !== null);
  await service.kill('shard-3');
  await service.until('shard-3', ({ state, restarts, keys }) => state === 'ready' && restarts === 1 && keys !== null);

  const { stdout } = await command(['status', '--data', data]);
  const [head, processes = '', work = ''] = stdout.trimEnd().split('\n\n');
  expect(head).toMatch(/^Shardlite \d+\.\d+\.\d+ ready at http:\/\/127\.0\.0\.1:\d+ {3}up .* ring epoch 1/);
  expect(head).toMatch(/\ndisk free [\d.]+ \w+ {3}metrics http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const columnsOf = (table: string) => table.split('\n').map((line) => line.split(/ {2,}/));
  expect(columnsOf(processes)[0]?.join(' ')).toBe(
    'id role state pid uptime cpu loop memory clients restarts last death',
  );
  expect(columnsOf(work)[0]?.join(' ')).toBe('id slots keys bytes file wal reads/s p50 p99 writes/s p50 p99 errors/s');
  const children = ['router-1', 'router-2', 'shard-1', 'shard-2', 'shard-3'];
  expect(columnsOf(processes).map(([id]) => id)).toEqual(['id', 'primary', ...children]);
  expect(columnsOf(work).map(([id]) => id)).toEqual(['id', ...children]);
  expect(processes).toMatch(/\nshard-3 .* 1 {2}SIGKILL, \d+\.\ds ago$/);

  const status = JSON.parse((await command(['status', '--json', '--data', data])).stdout) as ServiceStatus;
  expect(status.processes.reduce((sum, { slots }) => sum + (slots ?? 0), 0)).toBe(16_384);
  expect(status.diskFreeBytes).toBeGreaterThan(0);
});

test('status tells reads from writes: how many a second, and how long they take', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '1', '--routers', '1'] });
  await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'value' });
  const { writes, reads } = await service.until('router-1', ({ writes }) => writes !== null && writes.p99Ms !== null);
  expect(writes?.p50Ms).toBeGreaterThan(0);
  expect(writes?.p99Ms).toBeGreaterThanOrEqual(writes?.p50Ms as number);
  expect(reads).toEqual({ perS: 0, p50Ms: null, p99Ms: null });
  await (await fetch(`${service.url}/v1/kv/key`)).arrayBuffer();
  await service.until('router-1', ({ reads }) => reads !== null && reads.p99Ms !== null && reads.perS > 0);
  await service.until('shard-1', ({ reads }) => reads !== null && reads.p99Ms !== null);
});

test('ps tells which process is which', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '2'] });
  for (const { id, pid } of (await service.status()).processes) {
    const title = () => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replace(/\0+$/, '');
    // One router that serves is enough for the start; the other may be loading.
    await expect.poll(title).toBe(`shardlite ${id}`);
  }
});

test('stop drains the service, and a second stop finds none', async () => {
  const data = temporaryDirectory();
  await startService({ data });
  expect(await command(['stop', '--data', data])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Stopped in \d\.\d s\./),
  });
  expect((await command(['stop', '--data', data])).code).toBe(3);
});

test.each([['status'], ['stop'], ['get', 'key'], ['put', 'key', 'value'], ['why', 'key'], ['restart', 'shard-1']])(
  'without a service, %s exits 3 with one sentence that says how to start one',
  async (...args) => {
    const data = temporaryDirectory();
    const { code, stdout, stderr } = await command([...args, '--data', data]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toBe(
      `shardctl: The data directory ${data} has no running service. Start one with \`npm start\` or \`shardctl start --data ${data}\`.\n`,
    );
  },
);

test.each([
  [['start', '--port', '70000'], '--port is "70000", but must be a whole number from 0 (any free port) to 65535.'],
  [['start', '--shards', '0'], '--shards is "0", but must be a whole number from 1 to 256.'],
  [
    ['start', '--value-bytes-max', '17MiB'],
    '--value-bytes-max is "17MiB", but must be a size from 1 to 16MiB: bytes, or a number with KiB or MiB.',
  ],
  [
    ['start', '--strategy', 'cloned', '--routers', '3'],
    '--routers is "3", but the cloned strategy does not use it. Leave it out.',
  ],
  [
    ['start', '--strategy', 'single', '--shards', '3'],
    '--shards is "3", but the single strategy does not use it. Leave it out.',
  ],
  [['get', ''], 'A key must have 1 to 1024 bytes.'],
  [['get', 'a+b', '--base64url'], 'The key is not base64url'],
  [['put', 'key', 'value', '--file', 'file'], 'not both'],
  [['frobnicate'], "error: unknown command 'frobnicate'"],
  [['get'], "error: missing required argument 'KEY'"],
  [['status', '--jsno'], "error: unknown option '--jsno'"],
])('wrong usage %j exits 2 and says what is allowed', async (args, sentence) => {
  const { code, stderr } = await command(args);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});

test('what lies where a file or directory should be is told in a sentence', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'file');
  writeFileSync(file, '');
  expect(await command(['status', '--data', file])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining(`${file} has no running service`),
  });
  const data = join(directory, 'data');
  mkdirSync(join(data, 'meta.sqlite'), { recursive: true });
  for (const args of [['verify'], ['recover'], ['start', '--port', '0', '--admin-port', 'off']]) {
    const { code, stderr } = await shardctl([...args, '--data', data]);
    expect([code, stderr.split('\n').length]).toEqual([1, 2]);
    expect(stderr).toMatch(/^shardctl: .*meta\.sqlite/);
  }
  const piped = join(directory, 'piped');
  mkdirSync(piped);
  execFileSync('mkfifo', [join(piped, 'tokens.json')]);
  expect(await shardctl(['start', '--port', '0', '--admin-port', 'off', '--data', piped])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('tokens.json is not a regular file'),
  });
});

test('a wrong variable or configuration file exits 2 and is named', async () => {
  const data = temporaryDirectory();
  const fromVariable = await command(['start', '--data', data], { env: { SHARDLITE_ROUTERS: 'many' } });
  expect(fromVariable).toMatchObject({
    code: 2,
    stderr: 'shardctl: SHARDLITE_ROUTERS is "many", but must be a whole number from 1 to 64.\n',
  });
  expect(await command(['start', '--data', data], { env: { SHARDLITE_LOG_LEVEL: 'banana' } })).toMatchObject({
    code: 2,
    stderr:
      'shardctl: SHARDLITE_LOG_LEVEL is "banana", but must be trace, debug, info, warn, error, fatal or silent.\n',
  });
  mkdirSync(data, { recursive: true });
  const file = join(data, 'config.json');
  writeFileSync(file, '{"prot": 7700}');
  const fromFile = await command(['start', '--config', file]);
  expect(fromFile).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`"prot" in ${file} is not a setting. The settings are port, host,`),
  });
});

test.each([
  ['/proc/foo', 'ENOENT'],
  ['/proc/foo/deeper/still', 'ENOENT'],
  ['package.json', 'EEXIST'],
  ['package.json/data', '(ENOTDIR|EEXIST)'],
])('the data directory %s that cannot be used is refused in one sentence, at once', async (data, code) => {
  const { code: exitCode, stdout, stderr } = await shardctl(['start', '--port', '0', '--data', data]);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(new RegExp(`^shardctl: The data directory .*${data} cannot be used: ${code}.*\n$`));
});

test('help and version exit 0', async () => {
  expect(await command(['--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('start the service in the foreground'),
  });
  expect(await command(['start', '--help'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('--value-bytes-max <BYTES>'),
  });
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(await shardctl(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
});
