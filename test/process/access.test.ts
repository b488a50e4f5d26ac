/** Who may come into a running service: tokens made and revoked meanwhile, keys of JSON Web Tokens, and a start that refuses to let everybody in. */

import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import { bearer, signerOf } from '../support/access.ts';
import { command } from '../support/command.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const strategies = [
  ['--shards', '2', '--routers', '2'],
  ['--strategy', 'cloned', '--clones', '2'],
  ['--strategy', 'single'],
];

/** On a connection of its own, so that any router or clone may get it. */
async function statusOf({ url }: TestService, token?: string, path = '/v1/kv/key'): Promise<number> {
  const headers = { connection: 'close', ...(token !== undefined && bearer(token)) };
  const answer = await fetch(`${url}${path}`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** What all of its processes answer alike. */
async function statusesOf(service: TestService, token?: string): Promise<number[]> {
  return Promise.all(Array.from({ length: 20 }, () => statusOf(service, token)));
}

const all = (status: number) => Array.from({ length: 20 }, () => status);

async function tokenMade(data: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await command(['token', 'create', '--data', data, ...args]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('It is shown only once.')]);
  expect(stdout).toMatch(/^shardlite_[\w-]{43}\n$/);
  return stdout.trim();
}

test.each(strategies)(
  'served %s %s, tokens that are made and revoked count within a second, also after a restart',
  async (...args) => {
    const data = temporaryDirectory();
    const service = await startService({ data, args });
    expect(await statusesOf(service)).toEqual(all(404));
    const token = await tokenMade(data, 'app', '--prefix', 'users/', '--prefix', 'key', '--expires', '1h');
    const sinceMade = new Stopwatch();
    await expect.poll(() => statusesOf(service), { interval: 10 }).toEqual(all(401));
    expect(sinceMade.stop()).toBeLessThan(1_000);
    expect(await statusesOf(service, token)).toEqual(all(404));
    expect(await statusOf(service, token, '/v1/kv/other')).toBe(403);
    const reader = await tokenMade(data, 'reader', '--read');
    expect(await statusesOf(service, reader)).toEqual(all(404));
    const list = await command(['token', 'list', '--data', data]);
    expect(list.stdout).toMatch(
      /^name {4}allows {10}keys {8}made {8}expires\napp {5}read and write {2}users\/ key .* in 59m \d+s\nreader {2}read .* never\n$/,
    );

    // What is kept lets nobody in.
    const kept = readFileSync(join(data, 'tokens.json'), 'utf8');
    expect(statSync(join(data, 'tokens.json')).mode & 0o777).toBe(0o600);
    expect([token, reader].filter((one) => kept.includes(one.slice('shardlite_'.length)))).toEqual([]);

    const first = args.includes('--shards') ? 'router-1' : 'clone-1';
    await service.kill(first);
    await service.until(first, ({ state, restarts }) => state === 'ready' && restarts === 1);
    expect(await statusesOf(service, reader)).toEqual(all(404));
    expect(await statusesOf(service)).toEqual(all(401));
    expect((await command(['token', 'revoke', 'reader', '--data', data])).code).toBe(0);
    await expect.poll(() => statusesOf(service, reader)).toEqual(all(401));

    await service.end('SIGTERM');
    const stopped = await tokenMade(data, 'made-while-stopped');
    const again = await startService({ data });
    expect([await statusOf(again, token), await statusOf(again, stopped), await statusOf(again, reader)]).toEqual([
      404, 404, 401,
    ]);
    await command(['token', 'revoke', 'app', '--data', data]);
    const last = await command(['token', 'revoke', 'made-while-stopped', '--data', data]);
    expect(last.stdout).toContain('No token is left');
    await expect.poll(() => statusesOf(again)).toEqual(all(404));
    expect(again.said.join('\n') + service.said.join('\n')).not.toMatch(/shardlite_[\w-]{43}/);
  },
);

test('a service that everybody on the network would reach does not start, until it is said who may come in', async () => {
  const data = temporaryDirectory();
  const refused = await shardctl(['start', '--port', '0', '--data', data, '--host', '0.0.0.0']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toBe(
    `shardctl: At 0.0.0.0 everybody who reaches it could read and write: make a token with \`shardctl token create NAME --data ${data}\`, name the keys of JSON Web Tokens with --jwt-keys, or say --open.\n`,
  );
  expect(existsSync(join(data, 'meta.sqlite'))).toBe(false);
  const open = await startService({ data, args: ['--host', '0.0.0.0', '--open', '--shards', '1'] });
  expect(await statusOf(open)).toBe(404);
  await open.end('SIGTERM');

  const token = await tokenMade(data, 'app');
  const locked = await startService({ data, args: ['--host', '0.0.0.0'] });
  expect([await statusOf(locked), await statusOf(locked, token)]).toEqual([401, 404]);
  // Without its last token it does not fall open.
  await command(['token', 'revoke', 'app', '--data', data]);
  await expect.poll(() => statusOf(locked, token)).toBe(401);
  expect(await statusOf(locked)).toBe(401);
});

test('JSON Web Tokens count whose keys and audiences were configured; other keys count once they are read again', async () => {
  const data = temporaryDirectory();
  const [first, second] = [await signerOf('ES256'), await signerOf('EdDSA')];
  const file = join(data, 'keys.json');
  writeFileSync(file, JSON.stringify({ keys: [first.jwk] }));
  const service = await startService({
    data,
    args: ['--strategy', 'cloned', '--clones', '2', '--jwt-keys', file, '--jwt-audiences', 'kv'],
  });
  const claims = { scope: 'kv:read', kv_prefixes: ['key'], aud: 'kv' };
  const [one, other, elsewhere] = [
    await first.sign(claims),
    await second.sign(claims),
    await first.sign({ ...claims, aud: 'elsewhere' }),
  ];
  expect(await statusesOf(service, one)).toEqual(all(404));
  expect([await statusOf(service), await statusOf(service, other), await statusOf(service, elsewhere)]).toEqual([
    401, 401, 401,
  ]);
  expect(await statusOf(service, one, '/v1/kv/other')).toBe(403);
  writeFileSync(file, '{"keys": [');
  expect(await askService(data, 'POST', '/v1/access/reload')).toMatchObject({ status: 409 });
  expect(await statusesOf(service, one)).toEqual(all(404));
  writeFileSync(file, JSON.stringify({ keys: [second.jwk] }));
  expect(await askService(data, 'POST', '/v1/access/reload')).toMatchObject({ status: 200 });
  await expect.poll(() => statusesOf(service, one)).toEqual(all(401));
  expect(await statusesOf(service, other)).toEqual(all(404));
  expect(await command(['put', 'key', 'x', '--data', data, '--token', other])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The token does not allow writing. (access-denied)'),
  });
});

test.each([
  ['no such file', undefined, 'cannot be read: ENOENT'],
  ['no key set', '{}', 'cannot be used: it is no {"keys": [...]} with a key in it.'],
])('a service with %s in --jwt-keys does not start, and says why', async (_what, text, why) => {
  const data = temporaryDirectory();
  const file = join(data, 'keys.json');
  if (text !== undefined) writeFileSync(file, text);
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', data, '--jwt-keys', file]);
  expect(code).toBe(1);
  expect(stderr).toContain(why);
});

test('a file of tokens that is none lets nobody in: the service does not start, and no token is made over it', async () => {
  const data = temporaryDirectory();
  writeFileSync(join(data, 'tokens.json'), '{"tokens": [{"name": "app"}]}');
  const sentence = `The file of tokens ${join(data, 'tokens.json')} cannot be used`;
  for (const args of [
    ['start', '--port', '0'],
    ['token', 'create', 'app'],
    ['token', 'list'],
  ]) {
    const { code, stderr } = await shardctl([...args, '--data', data]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
  }
});

const wrongCommands = [
  [['create', 'app'], 1, 'A token named app already exists'],
  [['create', 'a b'], 1, 'The name of a token must have'],
  [['create', 'b', '--prefix', ''], 1, 'each of 1 to 1,024 bytes'],
  [
    ['create', 'b', '--expires', 'tomorrow'],
    2,
    '--expires is "tomorrow", but must be a number above 0 with s, m, h or d',
  ],
  [['create', 'b', '--expires', '0s'], 2, '--expires is "0s", but must be a number above 0'],
  [['revoke', 'b'], 1, 'There is no token b. `shardctl token list` shows all.'],
] as const;

test('`shardctl token` says what is wrong, of a running service as of a stopped one', async () => {
  const data = temporaryDirectory();
  await tokenMade(data, 'app');
  const answers = () =>
    Promise.all(
      wrongCommands.map(async ([args]) => {
        const { code, stderr } = await command(['token', ...args, '--data', data]);
        return [args, code, stderr];
      }),
    );
  const expected = wrongCommands.map(([args, code, why]) => [args, code, expect.stringContaining(why)]);
  expect(await answers()).toEqual(expected);
  await startService({ data, args: ['--strategy', 'single'] });
  expect(await answers()).toEqual(expected);
});

test('every command that goes over REST takes its token from --token or SHARDLITE_TOKEN', async () => {
  const data = temporaryDirectory();
  const token = await tokenMade(data, 'app');
  await startService({ data, args: ['--shards', '1'] });
  const env = { SHARDLITE_TOKEN: token };
  const at = ['--data', data];
  for (const [args, input, given] of [
    [['put', 'key', 'value'], '', 'flag'],
    [['get', 'key'], '', 'variable'],
    [['why', 'key'], '', 'flag'],
    [['export'], '', 'variable'],
    [['import'], '{"key":"other","value":"x"}\n', 'flag'],
    [['delete', 'key'], '', 'variable'],
  ] as const) {
    const run = given === 'flag' ? [...args, ...at, '--token', token] : [...args, ...at];
    expect([args, (await command(run, given === 'flag' ? { input } : { input, env })).code]).toEqual([args, 0]);
    const { code, stdout, stderr } = await command([...args, ...at], { input });
    if (args[0] === 'why') expect(stdout).toContain('unknown: the service answered 401');
    else expect([args, code, stderr + stdout]).toEqual([args, 1, expect.stringContaining('token-required')]);
  }
  const strange = await command(['get', 'key', ...at, '--token', 'a\nb-secret']);
  expect([strange.code, strange.stderr]).toEqual([2, expect.stringContaining('characters that no token can have')]);
  expect(strange.stderr).not.toContain('secret');
});

const certificates = fileURLToPath(new URL('../support/certificates/', import.meta.url));
const pem = (name: string) => join(certificates, name);

/** The name that the service shows itself under. */
async function shownBy({ url }: TestService): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN as string;
}

test.each(strategies)(
  'served %s %s over TLS, shardctl trusts what the service shows, and new files are shown without a restart',
  async (...args) => {
    const data = temporaryDirectory();
    const [cert, key] = [join(data, 'kv.crt'), join(data, 'kv.key')];
    const put = (name: string) => {
      copyFileSync(pem(`${name}.crt`), cert);
      copyFileSync(pem(`${name}.key`), key);
    };
    put('one');
    const service = await startService({ data, args: [...args, '--tls-cert', cert, '--tls-key', key] });
    expect(service.url).toMatch(/^https:/);
    expect((await command(['put', 'key', 'value', '--data', data])).code).toBe(0);
    expect((await command(['import', '--data', data], { input: '{"key":"other","value":"x"}\n' })).code).toBe(0);
    expect((await command(['export', '--data', data])).stdout).toContain('"value":"value"');
    const port = new URL(service.url).port;
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();

    put('two');
    copyFileSync(pem('one.key'), key);
    const refused = await askService(data, 'POST', '/v1/access/reload');
    expect([refused.status, (refused.body as { detail: string }).detail]).toEqual([
      409,
      expect.stringContaining('mismatch'),
    ]);
    expect(await shownBy(service)).toBe('one.shardlite.test');
    put('two');
    expect(await askService(data, 'POST', '/v1/access/reload')).toMatchObject({ status: 200 });
    const shown = () => Promise.all(Array.from({ length: 8 }, () => shownBy(service)));
    await expect.poll(shown).toEqual(Array.from({ length: 8 }, () => 'two.shardlite.test'));
    expect((await command(['get', 'key', '--data', data])).stdout).toBe('value');
    expect((await service.status()).processes.every(({ restarts }) => restarts === 0)).toBe(true);
  },
);

test.each([
  [['--tls-cert', pem('one.crt')], 'TLS needs both --tls-cert and --tls-key.'],
  [['--tls-cert', pem('one.crt'), '--tls-key', pem('two.key')], 'key values mismatch'],
  [
    ['--tls-cert', pem('expired.crt'), '--tls-key', pem('one.key')],
    'the certificate has expired, on Jan  1 00:00:00 2021 GMT.',
  ],
  [['--tls-cert', pem('none.crt'), '--tls-key', pem('one.key')], 'ENOENT'],
])('a service that is started with %j says why TLS is not possible', async (args, why) => {
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', temporaryDirectory(), ...args]);
  expect([code, stderr]).toEqual([1, expect.stringContaining(why)]);
});

test.each(strategies)('served %s %s, a client that asks too often hears 429', async (...args) => {
  const one = args.map((arg) => (arg === '2' ? '1' : arg));
  const service = await startService({ data: temporaryDirectory(), args: [...one, '--rate-limit', '5/h'] });
  const statuses = [];
  for (let n = 0; n < 7; n++) statuses.push(await statusOf(service));
  expect(statuses).toEqual([404, 404, 404, 404, 404, 429, 429]);
  expect(await statusOf(service, undefined, '/readyz')).toBe(200);
});
