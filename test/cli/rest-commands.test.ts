/** Commands that go over REST, from another machine as it were: they have an address, and no data directory. */

import { exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { accessOf, rulesOf, tokenOf } from '../support/access.ts';
import { allOf } from '../support/all-of.ts';
import { command } from '../support/command.ts';
import { startRestApp } from '../support/rest-app.ts';
import { shardctl, shardctlPath } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const { token, record } = tokenOf();

test('put, get, delete, why, export and import need an address alone', async () => {
  const { url } = await startRestApp();
  const run = (...args: string[]) => command(args, { env: { SHARDLITE_URL: url } });
  expect(await run('put', 'users/ada', 'Ada')).toMatchObject({
    code: 0,
    stdout: 'Created: 3 bytes, version 1.\n',
    stderr: '',
  });
  expect(await run('get', 'users/ada')).toMatchObject({ code: 0, stdout: 'Ada' });
  const why = await run('why', 'users/ada');
  expect(why.stdout).toMatch(/\nshard {2}\d {3}\(.*; ring epoch 1\)\nthere {2}yes: 3 bytes/);

  const file = join(temporaryDirectory(), 'all.ndjson');
  expect(await run('export', file)).toMatchObject({ code: 0 });
  expect(await run('delete', 'users/ada')).toMatchObject({ code: 0, stdout: 'Deleted.\n' });
  expect(await run('delete', 'users/ada')).toMatchObject({
    code: 0,
    stdout: 'There was no value under the key users/ada: nothing was deleted.\n',
  });
  expect(await run('import', file)).toMatchObject({ code: 0 });
  expect(await run('get', 'users/ada')).toMatchObject({ stdout: 'Ada' });
  expect(await run('import', file, '--resume')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('resume on its machine with --data, or import everything again'),
  });
  expect(await run('get', 'users/nobody')).toMatchObject({
    code: 1,
    stderr: 'shardctl: There is no value under the key users/nobody. (key-not-found) `shardctl list` shows all keys.\n',
  });
});

test('an import may begin with a byte order mark, as some editors write it, and nowhere else', async () => {
  const { url } = await startRestApp();
  const file = join(temporaryDirectory(), 'from-an-editor.ndjson');
  writeFileSync(file, '\ufeff{"key":"first","value":"1"}\n\ufeff{"key":"second","value":"2"}\n');
  const { code, stderr } = await command(['import', file, '--url', url]);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/line 2\b/i) });
  expect(await connect(url).getBytes('first')).toEqual(new TextEncoder().encode('1'));
  expect(await connect(url).getBytes('second')).toBeUndefined();
});

test('list shows keys in order: by prefix, as folders, so many, from one on, and as JSON lines', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  const notText = Uint8Array.of(0xff, 0x01);
  const keys = ['a', 'users/ada', 'users/grace', 'users/x/1', 'users/x/2', 'steers\x1b[2J', notText];
  for (const key of keys) await kv.put(key, 'value');
  const list = async (...args: string[]) => {
    const { code, stdout } = await command(['list', '--url', url, ...args]);
    expect(code).toBe(0);
    return stdout.split('\n').slice(0, -1);
  };
  const steering = `base64url ${Buffer.from('steers\x1b[2J').toString('base64url')}`;
  expect(await list()).toEqual(['a', steering, 'users/ada', 'users/grace', 'users/x/1', 'users/x/2', 'base64url _wE']);
  expect(await list('--prefix', 'users/', '--delimiter', '/')).toEqual(['users/ada', 'users/grace', 'users/x/']);
  expect(await list('--prefix', 'users/', '--limit', '1')).toEqual(['users/ada']);
  expect(await list('--start-after', Buffer.from('users/x/1').toString('base64url'), '--base64url')).toEqual([
    Buffer.from('users/x/2').toString('base64url'),
    '_wE',
  ]);
  expect(await list('--start', 'users/x/1')).toEqual(['users/x/1', 'users/x/2', 'base64url _wE']);
  expect(await list('--reverse', '--start', 'users/grace', '--limit', '2')).toEqual(['users/grace', 'users/ada']);
  expect((await list('--json', '--start-after', 'users/x/2')).map((line) => JSON.parse(line))).toEqual([
    { keyBase64url: '_wE', version: expect.any(Number), contentType: 'text/plain; charset=utf-8', bytes: 5 },
  ]);
  expect(await command(['list', '--url', url, '--prefix', 'users/ä', '--base64url'])).toMatchObject({
    code: 2,
    stderr: 'shardctl: "users/ä" is not base64url. Encode it, or leave --base64url out.\n',
  });
  expect(await command(['list', '--url', url, '--limit', '0'])).toMatchObject({
    code: 2,
    stderr: 'shardctl: --limit is "0", but must be a whole number from 1 on.\n',
  });
});

test('a list whose reader wants no more ends without a word', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  await kv.batch(Array.from({ length: 1_000 }, (_, at) => ({ op: 'put', key: `${'k'.repeat(900)}${at}`, value: '' })));
  const command = `${process.execPath} ${shardctlPath} list --url ${url} | head -n 1`;
  const { stdout, stderr } = await promisify(exec)(`bash -c 'set -o pipefail; ${command}'`);
  expect([stdout.length, stderr]).toEqual([902, '']);
});

test('put --ttl says when the value is gone', async () => {
  const { url } = await startRestApp();
  const put = (ttl: string) => command(['put', 'session', 'x', '--ttl', ttl, '--url', url]);
  expect(await put('2h')).toMatchObject({ code: 0 });
  const entry = await connect(url).getEntry('session');
  const leftMs = (entry?.expiresAt as number) - Date.now();
  expect(leftMs).toBeGreaterThan(7_100_000);
  expect(leftMs).toBeLessThanOrEqual(7_200_000);
  expect(await put('soon')).toMatchObject({
    code: 2,
    stderr: 'shardctl: --ttl is "soon", but must be a number above 0 with s, m, h or d, such as 90s.\n',
  });
});

test('touch sets when a value expires, takes that away again, and says that there is nothing to touch', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  await kv.put('session', 'x', { contentType: 'text/x-kept' });
  const touch = (...args: string[]) => command(['touch', ...args, '--url', url]);
  const first = await touch('session', '--ttl', '2h');
  const entry = await kv.getEntry('session');
  expect(first).toMatchObject({
    code: 0,
    stdout: `It expires at ${new Date(entry?.expiresAt as number).toISOString()}. Version ${entry?.version}.\n`,
  });
  expect(entry).toMatchObject({ value: 'x', contentType: 'text/x-kept' });
  const leftMs = (entry?.expiresAt as number) - Date.now();
  expect(leftMs).toBeGreaterThan(7_100_000);
  expect(leftMs).toBeLessThanOrEqual(7_200_000);
  expect((await touch('session', '--ttl', 'never')).stdout).toMatch(/^It never expires\. Version \d+\.\n$/);
  expect((await kv.getEntry('session'))?.expiresAt).toBeUndefined();
  expect(await touch('nobody', '--ttl', '1h')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no value under the key nobody. (key-not-found)'),
  });
  expect(await touch('session', '--ttl', 'soon')).toMatchObject({ code: 2, stdout: '' });
  expect(await touch('session')).toMatchObject({ code: 2, stderr: expect.stringContaining('--ttl <TIME>') });
  expect((await touch('session', '--ttl', '1h', '--curl')).stdout).toBe(
    `curl -X PATCH '${url}/v1/kv/session?ttl=3600'\n`,
  );
});

test('watch --from start prints every existing key, says so, and goes on with what changes', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  for (const key of ['users/a', 'users/b', 'other']) await kv.put(key, 1);
  const child = spawn(process.execPath, [shardctlPath, 'watch', '--from', 'start', '--prefix', 'users/', '--url', url]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const notes = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const next = async (from: typeof lines) => (await from.next()).value as string;
  expect([await next(lines), await next(lines)]).toEqual([
    expect.stringMatching(/^put {5}users\/a {2}version/),
    expect.stringMatching(/^put {5}users\/b {2}version/),
  ]);
  expect([await next(notes), await next(notes)]).toEqual([
    'Watching: Ctrl-C ends.',
    'That is every existing key. Changes follow.',
  ]);
  await kv.delete('users/a');
  expect(await next(lines)).toMatch(/^delete {2}users\/a {2}version/);
  expect(await command(['watch', '--from', 'here', '--url', url])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Allowed choices are start, now.'),
  });
});

test('delete takes all keys with a prefix, once that was agreed to', async () => {
  const { url } = await startRestApp();
  const kv = connect(url);
  for (const key of ['old/a', 'old/b', 'older', Uint8Array.of(0xff)]) await kv.put(key, 1);
  const remove = (...args: string[]) => command(['delete', ...args, '--url', url]);
  for (const args of [[], ['key', '--prefix', 'old/'], ['--prefix', '', '--yes'], ['--prefix', 'old/']]) {
    expect(await remove(...args)).toMatchObject({ code: 2, stdout: '' });
  }
  expect(await kv.get('old/a')).toBe(1);
  expect(await remove('--prefix', 'old/', '--yes')).toMatchObject({
    code: 0,
    stdout: 'Deleted: 2 keys with the prefix "old/".\n',
  });
  await kv.put('old/c', 1);
  expect((await remove('--prefix', 'old/', '--yes')).stdout).toBe('Deleted: 1 key with the prefix "old/".\n');
  expect(await remove('--prefix', '_w', '--base64url', '--yes')).toMatchObject({ code: 0 });
  expect((await allOf(kv.list())).map(({ key }) => key)).toEqual(['older']);
  const { stdout } = await remove('--prefix', 'old', '--curl');
  expect(stdout).toMatch(/curl .*DELETE.*\/v1\/kv\?prefix=old/s);
});

test('a token comes from the environment or from the flag; without one the error says how to get it', async () => {
  const { url } = await startRestApp({ access: await accessOf(rulesOf([record])) });
  const put = (flags: string[], env = {}) => command(['put', 'key', 'value', '--url', url, ...flags], { env });
  expect(await put([])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /\(token-required\) Put one into SHARDLITE_TOKEN\. `shardctl token create NAME` creates it/,
    ),
  });
  expect(await put(['--token', token])).toMatchObject({ code: 0, stderr: '' });
  expect(await put([], { SHARDLITE_TOKEN: token })).toMatchObject({ code: 0, stderr: '' });
  const wrong = await put(['--token', `${token}x`]);
  expect([wrong.code, wrong.stderr.includes(token)]).toEqual([1, false]);
});

test('what --curl prints does what the command would have done, and is sent by nobody before', async () => {
  const { url, executed } = await startRestApp({ access: await accessOf(rulesOf([record])) });
  const env = { ...process.env, SHARDLITE_TOKEN: token, SHARDLITE_URL: url };
  const printed = async (...args: string[]) => {
    const { code, stdout } = await command([...args, '--curl'], { env });
    expect([code, executed.length]).toEqual([0, 0]);
    expect(stdout).not.toContain(token);
    return stdout;
  };
  const value = `@it's "$HOME" \`date\`\\ \n`;
  const file = join(temporaryDirectory(), 'some value.bin');
  writeFileSync(file, Buffer.from([0, 255, 10]));
  const commands = [
    await printed('put', "o'key", value, '--content-type', 'text/plain', '--ttl', '1h'),
    await printed('put', '_wD-', '--base64url', '--file', file),
    await printed('put', 'piped'),
    await printed('delete', 'piped'),
    await printed('list', '--prefix', "o'"),
    await printed('get', "o'key"),
  ];
  const done: string[] = [];
  for (const command of commands) {
    const run = promisify(exec)(command.replace('curl', 'curl --silent --show-error'), { env });
    run.child.stdin?.end('from a pipe');
    done.push((await run).stdout);
  }
  expect(done.slice(0, 4)).toEqual(['', '', '', '']);
  expect(JSON.parse(done[4] as string).entries).toMatchObject([{ key: "o'key", contentType: 'text/plain' }]);
  expect(done[5]).toBe(value);
  expect(executed.map(({ kind }) => kind)).toEqual(['put', 'put', 'put', 'delete', 'get']);
  expect(await connect(url, { token }).getBytes(Buffer.from('_wD-', 'base64url'))).toEqual(
    new Uint8Array([0, 255, 10]),
  );
  const { stdout } = await command(['get', 'key', '--curl', '--token', token], { env });
  expect(stdout).toContain(`'authorization: Bearer ${token}'`);
});

test('a certificate that is not trusted, or is for another name, ends a command at once, with what to do', async () => {
  const path = (name: string) => fileURLToPath(new URL(`../support/certificates/${name}`, import.meta.url));
  const [cert = '', key = ''] = ['one.crt', 'one.key'].map((name) => readFileSync(path(name), 'utf8'));
  const { url: plainUrl, executed } = await startRestApp({ certificate: { cert, key } });
  const url = plainUrl.replace('http:', 'https:');
  const file = join(temporaryDirectory(), 'entries.ndjson');
  writeFileSync(file, '{"key":"key","value":"value"}\n');
  const commands = [
    ['put', 'key', 'value'],
    ['why', 'key'],
    ['import', file],
    ['export', '-'],
  ];
  for (const args of commands) {
    const { code, stderr } = await command([...args, '--url', url, '--timeout', '20s']);
    expect(stderr).toMatch(
      /The certificate of https:\S+ is not trusted here: self-signed certificate. \(certificate-untrusted\) Set NODE_EXTRA/,
    );
    expect(stderr).not.toContain('again');
    expect(code).toBe(args[0] === 'export' ? 1 : 3);
  }
  const env = { NODE_EXTRA_CA_CERTS: path('one.crt') };
  const { code, stderr } = await shardctl(['put', 'key', 'value', '--url', url], { env });
  expect(stderr).toMatch(/^shardctl: The certificate of .* is not in the cert's list/);
  expect(code).toBe(3);
  expect(executed).toEqual([]);
});

test('an address at which nobody answers is asked again for as long as is said, and then exits 3', async () => {
  const silent = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const { code, stderr } = await shardctl(['get', 'key', '--url', url, '--timeout', '1s']);
  expect(code).toBe(3);
  expect(stderr.split('\n').at(-2)).toMatch(
    /^shardctl: http:\/\/127\.0\.0\.1:\d+ gives no answer: .+ \(no-answer\) Run `shardctl status` on its machine/,
  );
});
