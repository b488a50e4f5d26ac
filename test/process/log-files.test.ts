/** Logs in files: where each process writes, what is set aside and moved away meanwhile, and `shardctl logs`, which reads it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type Line = { readonly name: string; readonly time: number; readonly event?: string; readonly requestId?: string };

/** Sends requests of these names, each on a connection of its own. */
async function ask({ url }: TestService, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const headers = { 'x-request-id': name, connection: 'close' };
    const { statusCode, body } = await request(`${url}/v1/kv/the-key`, { headers });
    await body.dump();
    expect(statusCode).toBe(404);
  }
}

const namesOf = (what: string, count: number) => Array.from({ length: count }, (_, n) => `${what}-${n}`);

async function logged(data: string, ...args: readonly string[]): Promise<readonly Line[]> {
  const { code, stdout, stderr } = await shardctl(['logs', '--data', data, ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

const requestsIn = (lines: readonly Line[]) => lines.flatMap(({ requestId }) => requestId ?? []);

test('each process logs to a file of its own, and no line is lost while files are set aside, moved away and processes replaced', async () => {
  const data = temporaryDirectory();
  const directory = join(temporaryDirectory(), 'logs');
  const limits = ['--log-file-bytes-max', '4KiB', '--log-files-max', '1000'];
  const service = await startService({
    data,
    args: ['--shards', '1', '--routers', '1', '--access-log', 'on', '--log-dir', directory, ...limits],
  });
  expect(service.said.map((line) => (JSON.parse(line) as Line).event)).toEqual(['service-ready']);
  expect(statSync(directory).mode & 0o777).toBe(0o700);

  const first = namesOf('first', 100);
  await ask(service, first);
  await expect.poll(async () => requestsIn(await logged(data))).toEqual(first);
  const lines = await logged(data, '--since', '1h');
  expect(lines.map(({ time }) => time)).toEqual(lines.map(({ time }) => time).sort((a, b) => a - b));
  expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(['primary', 'router-1']));
  expect(new Set((await logged(data, 'router-1')).map(({ name }) => name))).toEqual(new Set(['router-1']));
  const sizes = readdirSync(directory).map((file) => statSync(join(directory, file)).size);
  expect([sizes.length > 4, Math.max(...sizes) < 5 * 1024]).toEqual([true, true]);

  // Two processes of one name, for a while.
  const [during] = await Promise.all([
    ask(service, namesOf('during', 100)).then(() => namesOf('during', 100)),
    shardctl(['reload', 'routers', '--data', data]),
  ]);
  await expect
    .poll(async () =>
      requestsIn(await logged(data))
        .slice(first.length)
        .sort(),
    )
    .toEqual(during.sort());

  // As logrotate does.
  const moved = join(directory, 'moved');
  mkdirSync(moved);
  for (const file of readdirSync(directory)) if (file !== 'moved') renameSync(join(directory, file), join(moved, file));
  process.kill(service.pid, 'SIGUSR2');
  for (const name of ['primary', 'router-1']) {
    await expect.poll(() => existsSync(join(directory, `${name}.log`))).toBe(true);
  }
  const before = readFileSync(join(moved, 'router-1.log'), 'utf8');
  const following = spawn(process.execPath, [shardctlPath, 'logs', '--data', data, '--follow']);
  onTestFinished(() => {
    following.kill('SIGKILL');
  });
  const followed: string[] = [];
  createInterface({ input: following.stdout }).on('line', (line) => {
    followed.push(...requestsIn([JSON.parse(line) as Line]));
  });
  await ask(service, namesOf('moved', 60));
  await expect.poll(() => followed).toEqual(namesOf('moved', 60));
  expect(readFileSync(join(moved, 'router-1.log'), 'utf8')).toBe(before);

  await service.end('SIGTERM');
  const kept = await logged(data);
  expect(requestsIn(kept)).toEqual(namesOf('moved', 60));
  expect(kept.at(-1)).toMatchObject({ name: 'primary', msg: expect.stringContaining('stopped.') });
  expect(await shardctl(['logs', 'shard-9', '--data', data])).toMatchObject({
    code: 1,
    stderr: `shardctl: There is no log of shard-9 in ${directory}. There are logs of primary, router-1, shard-1.\n`,
  });
  expect(await shardctl(['logs', '--since', 'noon', '--data', data])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('but must be a number above 0 with s, m, h or d, such as 5m.'),
  });
  const onTerminal = spawn('script', ['-qec', `${process.execPath} ${shardctlPath} logs --data ${data}`, '/dev/null']);
  const shown: Buffer[] = [];
  onTerminal.stdout.on('data', (chunk: Buffer) => shown.push(chunk));
  await once(onTerminal, 'close');
  expect(Buffer.concat(shown).toString()).toContain('GET /v1/kv/{key} 404 in');
  expect(Buffer.concat(shown).toString()).not.toContain('{"level"');
});

test('a directory that logs cannot be kept in is refused at the start, and a service without one says where its log is', async () => {
  const data = temporaryDirectory();
  const file = join(data, 'file');
  writeFileSync(file, '');
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', data, '--log-dir', join(file, 'logs')]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^shardctl: The directory of --log-dir cannot be used: /)]);
  const service = await startService({ data, args: ['--strategy', 'single'] });
  expect(await shardctl(['logs', '--data', data])).toMatchObject({
    code: 1,
    stderr: `shardctl: The service of ${data} has no log files: its log goes to standard output. \`shardctl start --log-dir DIR\` writes files.\n`,
  });
  process.kill(service.pid, 'SIGUSR2');
  await expect.poll(() => service.said.join('\n')).toContain('there are no log files to reopen');
  expect((await service.status()).processes.map(({ restarts }) => restarts)).toEqual([0, 0]);
});
