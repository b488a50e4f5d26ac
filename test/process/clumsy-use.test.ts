/** Wrong input and a full disk: one sentence that ends with what to do, no stack, and no success. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { adminSocketOf } from '../../src/config/data-directory.ts';
import { command } from '../support/command.ts';
import { shardctlPath, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('what cannot be written to standard output is a failure, and a reader that wants no more is none', async () => {
  const data = temporaryDirectory();
  const { url } = await startService({ data, args: ['--shards', '1', '--routers', '1'] });
  await fetch(`${url}/v1/kv/key`, { method: 'PUT', body: 'value' });
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const intoFull = async (...args: string[]) => {
    const child = spawn(process.execPath, [shardctlPath, ...args], { stdio: ['ignore', full, 'pipe'] });
    const [said, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')]);
    return { args, code, last: said.trimEnd().split('\n').at(-1) };
  };
  const commands = [['--help'], ['man'], ['status', '--json'], ['put', 'k', 'v'], ['list'], ['export'], ['get', 'key']];
  for (const args of commands) {
    const onService = args.length > 1 || args[0] === 'list' || args[0] === 'export' ? ['--data', data] : [];
    expect(await intoFull(...args, ...onService)).toMatchObject({
      code: 1,
      last: expect.stringMatching(
        /Standard output could not be written: ENOSPC.* Free some room, or write elsewhere\.$/,
      ),
    });
  }
  const piped = `"$0" "$1" export --data "$2" 2>&1 >&3 3>&- | cat`;
  const said = execFileSync('bash', ['-c', `{ ${piped}; } 3> >(true)`, process.execPath, shardctlPath, data]);
  expect(said.toString()).not.toMatch(/Error|shardctl:/);
});

test('an endless value and a pipe in place of a file are refused', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'backup'), { recursive: true });
  const pipe = join(directory, 'pipe');
  for (const path of [pipe, join(directory, 'backup', 'manifest.json')]) execFileSync('mkfifo', [path]);
  expect(await command(['put', 'key', '--file', '/dev/zero'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The file /dev/zero is too large. A value has at most 16.0 MiB'),
  });
  for (const args of [
    ['apply', pipe],
    ['start', '--config', pipe],
    ['backup', 'verify', join(directory, 'backup')],
    ['restore', join(directory, 'backup'), '--data', join(directory, 'new')],
  ]) {
    const { code, stderr } = await command(args);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/^shardctl: .* is not a regular file.*\.\n$/);
  }
});

test.each([
  [['put', 'key', 'value', '--content-type', 'a\nb'], 'Use visible Latin-1 characters. (content-type-invalid)'],
  [['put', 'key', 'value', '--ttl', '0s'], '--ttl is "0s", but must be a number above 0 with s, m, h or d'],
  [['status', '--data', ''], '--data is empty. Give it a value, or leave it out.'],
  [['get', 'key', '--data', ''], '--data is empty.'],
  [['export', ''], 'FILE is empty.'],
  [['restart', ''], 'PROCESS is empty. Give it a value.'],
  [['token', 'revoke', ''], 'NAME is empty.'],
  [['systemd', 'service', '--data', '/a\nb'], 'must be a path without line breaks'],
])('wrong input %j exits 2 and says what to do', async (args, sentence) => {
  const { code, stdout, stderr } = await command(args, { env: { SHARDLITE_URL: 'http://127.0.0.1:9' } });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(sentence);
});

test('an empty variable is named', async () => {
  for (const args of [['status'], ['get', 'key']]) {
    expect(await command(args, { env: { SHARDLITE_DATA: '' } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SHARDLITE_DATA is empty.'),
    });
  }
});

test('recover makes no directory that was mistyped, and takes no file for one', async () => {
  const directory = temporaryDirectory();
  mkdirSync(directory, { recursive: true });
  const [typed, file] = [join(directory, 'typed'), join(directory, 'file')];
  writeFileSync(file, '');
  expect(await command(['recover', '--data', typed])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--data'),
  });
  expect(existsSync(typed)).toBe(false);
  expect(await command(['recover', '--data', file])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^shardctl: .*file cannot be read: ENOTDIR.*\n$/),
  });
});

test("the operators' API takes no number for a path, and no field that it does not know", async () => {
  const data = temporaryDirectory();
  await startService({ data, args: ['--shards', '1', '--routers', '1'] });
  const statusOf = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' };
    const asked = request({ socketPath: adminSocketOf(data), method: 'POST', path, headers, agent: false });
    asked.end(JSON.stringify(body));
    const [answer] = await once(asked, 'response');
    answer.resume();
    return answer.statusCode;
  };
  expect(await statusOf('/v1/snapshots', { directory: 5 })).toBe(400);
  expect(await statusOf('/v1/snapshots', { directory: 'relative' })).toBe(400);
  // Where nothing can be copied to, nothing stays pinned.
  expect(await statusOf('/v1/snapshots', { directory: join(data, 'nowhere') })).toBe(503);
  expect(await statusOf('/v1/snapshots', { directory: temporaryDirectory() })).toBe(201);
  expect(await statusOf('/v1/plan', { kind: 'add-shard', count: '1' })).toBe(400);
  expect(await statusOf('/v1/plan', { kind: 'add-shard', cuont: 1 })).toBe(400);
  expect(await statusOf('/v1/plan', { kind: 'add-shard', count: 1 })).toBe(200);
});
