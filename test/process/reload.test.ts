/** Processes are replaced while clients go on: by the code and the settings that are on disk now, and nobody notices. */

import { once } from 'node:events';
import { appendFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { bearer, signerOf } from '../support/access.ts';
import { ChangeWatcher } from '../support/change-watcher.ts';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function pidsOf(service: TestService): Promise<ReadonlyMap<string, number>> {
  const { processes } = await service.status();
  return new Map(processes.map(({ id, pid }) => [id, pid as number]));
}

function clientsOf({ url }: TestService): RecordingClients {
  return new RecordingClients({
    url,
    clients: 16,
    keysOf: (index) => Array.from({ length: 5 }, (_, key) => `client${index}-${key}`),
  });
}

test('a reload under load replaces every process but the primary, and no request fails, whoever reads', async () => {
  await Promise.all([reloadsUnderLoad('forwarded'), reloadsUnderLoad('direct')]);
});

async function reloadsUnderLoad(reads: 'forwarded' | 'direct'): Promise<void> {
  const args = ['--shards', '2', '--routers', '2', '--reads', reads];
  const service = await startService({ data: temporaryDirectory(), args });
  for (const id of ['router-1', 'router-2']) await service.until(id, ({ state }) => state === 'ready');
  const before = await pidsOf(service);
  const clients = clientsOf(service);
  await clients.acknowledges(1_000);

  const reloaded = await shardctl(['reload', '--data', service.data]);
  expect(reloaded).toMatchObject({ code: 0, stdout: 'Reloaded router-1, router-2, shard-1, shard-2.\n', stderr: '' });
  await clients.acknowledges(1_000);
  await clients.finish();

  expect(clients.failures).toEqual([]);
  expect((await clients.verify(service.url)).mistakes).toEqual([]);
  const slowest = clients.acknowledged.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  console.log(
    `reads ${reads}: p99 ${slowest[Math.floor(slowest.length * 0.99)]?.toFixed(0)} ms, slowest ${slowest.at(-1)?.toFixed(0)} ms`,
  );
  const after = await pidsOf(service);
  expect([...after.keys()]).toEqual([...before.keys()]);
  for (const [id, pid] of after) expect(pid === before.get(id), id).toBe(id === 'primary');
}

test('a client that watches is told to come back, and misses nothing', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const watcher = new ChangeWatcher(() => service.url);
  onTestFinished(() => watcher.finish());
  await watcher.began();
  const put = (key: string) => fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: 'x' });
  for (let key = 0; key < 20; key++) await put(`before-${key}`);
  expect((await shardctl(['reload', 'routers', '--data', service.data])).code).toBe(0);
  for (let key = 0; key < 20; key++) await put(`after-${key}`);
  await expect.poll(() => new Set(watcher.changes.map(({ key }) => key)).size).toBe(40);
  expect([watcher.changes.length, watcher.refusals]).toEqual([40, []]);
  expect(watcher.streams).toBeGreaterThan(1);
});

test('a client that keeps its connection is told to leave it, and one that is silent is left it for seconds', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--routers', '1'] });
  const connection = new Agent({ connections: 1 });
  onTestFinished(() => connection.destroy());
  const ask = async () => {
    const { statusCode, headers, body } = await connection.request({
      origin: service.url,
      path: '/livez',
      method: 'GET',
    });
    await body.dump();
    return [statusCode, headers['connection']];
  };
  expect(await ask()).toEqual([200, 'keep-alive']);
  const { pid } = await service.processStatus('router-1');
  const reloading = shardctl(['reload', 'router-1', '--data', service.data]);
  await service.until('router-1', (status) => status.pid !== pid && status.state === 'ready');
  expect(await ask()).toEqual([200, 'close']);
  expect(await ask()).toEqual([200, 'keep-alive']);
  expect((await reloading).code).toBe(0);
});

test('what a reload may change of the settings holds afterwards; of the rest it says that a restart is needed', async () => {
  const file = join(temporaryDirectory(), 'settings.json');
  writeFileSync(file, JSON.stringify({ routers: 1 }));
  const service = await startService({ data: temporaryDirectory(), args: ['--config', file] });
  const allowed = async () => {
    const headers = { origin: 'https://app.example' };
    return (await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'x', headers })).status;
  };
  expect(await allowed()).toBe(403);

  writeFileSync(
    file,
    JSON.stringify({
      routers: 2,
      allowedOrigins: ['https://app.example'],
      healthyAfterMs: 30_000,
      memoryMax: '512MiB',
    }),
  );
  expect((await shardctl(['reload', '--data', service.data])).stdout).toBe(
    [
      'New settings: routers, allowedOrigins, memoryMax.',
      'These settings need a restart of the service: healthyAfterMs.',
      'Reloaded router-1, shard-1, shard-2.',
      '',
    ].join('\n'),
  );
  expect([...(await pidsOf(service)).keys()]).toEqual(['primary', 'router-1', 'router-2', 'shard-1', 'shard-2']);
  expect([201, 204]).toContain(await allowed());
  const shown = (await shardctl(['config', '--data', service.data])).stdout;
  expect(shown).toMatch(/^port +\d+ +--port +restart of the service$/m);
  expect(shown).toMatch(new RegExp(`^routers +2 +"routers" in ${file} +reload$`, 'm'));
  expect(shown).toMatch(/^logLevel +info +default +reload$/m);
  // Values alone, also where nobody has given one: what is in use, or a dash.
  const adminPort = new URL((await service.status()).adminUrl as string).port;
  expect(shown).toMatch(new RegExp(`^adminPort +${adminPort} +default +restart of the service$`, 'm'));
  expect(shown).toMatch(/^strategy +partitioned +data directory +restart of the service$/m);
  expect(shown).toMatch(/^shards +2 +data directory +restart of the service$/m);
  for (const unused of ['clones', 'jwtKeys', 'logDir', 'allowedHosts'])
    expect(shown).toMatch(new RegExp(`^${unused} +– +default `, 'm'));
  for (const line of shown.trim().split('\n').slice(1)) expect(line).toMatch(/^\w+ +\S+ {2,}/);

  writeFileSync(file, JSON.stringify({ routers: 1 }));
  process.kill(service.pid, 'SIGHUP');
  await expect.poll(() => service.said.join('\n')).toContain('SIGHUP: reloaded');
  expect([...(await pidsOf(service)).keys()]).toEqual(['primary', 'router-1', 'shard-1', 'shard-2']);

  expect(await shardctl(['reload', 'shard-9', '--data', service.data])).toMatchObject({
    code: 1,
    stderr: 'shardctl: There is no process shard-9. `shardctl status` lists all processes.\n',
  });
  writeFileSync(file, JSON.stringify({ routers: 'many' }));
  expect(await shardctl(['reload', '--data', service.data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('"routers" in'),
  });
});

const certificateOf = (name: 'one' | 'two') => {
  const path = (end: string) => fileURLToPath(new URL(`../support/certificates/${name}.${end}`, import.meta.url));
  return { tlsCert: path('crt'), tlsKey: path('key') };
};

test('limits, keys of tokens, the certificate and the log level come with a reload, and one that is wrong changes nothing', async () => {
  const data = temporaryDirectory();
  const [file, jwtKeys] = [join(data, 'settings.json'), join(data, 'keys.json')];
  const settings = (fields: object) => writeFileSync(file, JSON.stringify({ routers: 1, ...fields }));
  settings(certificateOf('one'));
  const service = await startService({ data, args: ['--shards', '1', '--config', file] });
  const trusting = new Agent({ connect: { rejectUnauthorized: false } });
  onTestFinished(() => trusting.destroy());
  const put = async (body: string, token = '') => {
    const headers = { ...bearer(token), connection: 'close' };
    const answer = await trusting.request({ origin: service.url, path: '/v1/kv/key', method: 'PUT', body, headers });
    await answer.body.dump();
    return [answer.statusCode, answer.headers['ratelimit-policy']];
  };
  const reload = () => shardctl(['reload', 'routers', '--data', data]);
  expect([await put('12345'), await shownBy(service)]).toEqual([[201, undefined], 'one.shardlite.test']);

  const signer = await signerOf('ES256');
  writeFileSync(jwtKeys, JSON.stringify({ keys: [signer.jwk] }));
  const wanted = {
    ...certificateOf('two'),
    valueBytesMax: 4,
    rateLimit: '1000/h',
    jwtKeys,
    jwtAudiences: ['kv'],
    logLevel: 'debug',
  };
  settings(wanted);
  expect((await reload()).stdout).toBe(
    'New settings: valueBytesMax, jwtKeys, jwtAudiences, tlsCert, tlsKey, rateLimit, logLevel.\nReloaded router-1.\n',
  );
  const token = await signer.sign({ scope: 'kv:write', aud: 'kv' });
  const policy = '"default";q=1000;w=3600';
  const asWanted = [[401, policy], [204, policy], [413, policy], 'two.shardlite.test'];
  const found = async () => [
    await put('1'),
    await put('1234', token),
    await put('12345', token),
    await shownBy(service),
  ];
  expect(await found()).toEqual(asWanted);
  expect(service.said.join('\n')).toContain('"level":20');

  const { pid } = await service.processStatus('router-1');
  settings({ ...wanted, valueBytesMax: 5, tlsKey: certificateOf('one').tlsKey });
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringContaining('mismatch') });
  writeFileSync(jwtKeys, 'no keys');
  settings({ ...wanted, valueBytesMax: 5 });
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be used') });
  expect([await found(), (await service.processStatus('router-1')).pid]).toEqual([asWanted, pid]);

  // Routers that are not replaced learn at once who may come in.
  writeFileSync(jwtKeys, JSON.stringify({ keys: [(await signerOf('EdDSA')).jwk] }));
  settings(wanted);
  expect((await shardctl(['reload', 'shards', '--data', data])).code).toBe(0);
  await expect.poll(() => put('1', token)).toEqual([401, policy]);
  expect((await service.processStatus('router-1')).pid).toBe(pid);
  const { tlsCert: _, tlsKey: __, ...plain } = wanted;
  settings(plain);
  process.kill(service.pid, 'SIGHUP');
  await expect.poll(() => service.said.join('\n')).toContain('"needRestart":["tlsCert","tlsKey"]');
  expect([await put('1', token), await shownBy(service)]).toEqual([[401, policy], 'two.shardlite.test']);
});

/** The name of the certificate that the service shows. */
async function shownBy({ url }: TestService): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN as string;
}

test('a process whose new code does not come up ends the reload, and everything goes on as it was', async () => {
  // A copy, of which the code on disk may be broken.
  const copy = temporaryDirectory();
  cpSync(join(root, 'dist', 'src'), join(copy, 'dist', 'src'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const service = await startService({
    data: temporaryDirectory(),
    args: ['--shards', '2', '--routers', '1'],
    program: join(copy, 'dist', 'src', 'cli', 'shardctl.js'),
  });
  const before = await pidsOf(service);
  for (const [what, stopsAt] of [
    ['router', 'router-1'],
    ['shard', 'shard-1'],
  ] as const) {
    const entry = join(copy, 'dist', 'src', what, 'main.js');
    const whole = readFileSync(entry);
    writeFileSync(entry, `throw new Error('a mistake of today');\n`);
    const { code, stderr } = await shardctl(['reload', `${what}s`, '--data', service.data]);
    expect([code, stderr]).toEqual([
      1,
      `shardctl: The reload stopped at ${stopsAt}: its new process ended with exit code 1: the log says why. Processes that were not replaced continue. The log has the details; \`shardctl reload\` tries again.\n`,
    ]);
    expect(await pidsOf(service)).toEqual(before);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    writeFileSync(entry, whole);
    appendFileSync(entry, '\n');
  }
  expect((await shardctl(['reload', '--data', service.data])).code).toBe(0);
});

test('clones are replaced one beside the other, and a single process by its successor', async () => {
  const cloned = await startService({ data: temporaryDirectory(), args: ['--strategy', 'cloned', '--clones', '2'] });
  await cloned.until('clone-2', ({ state }) => state === 'ready');
  const clients = clientsOf(cloned);
  await clients.acknowledges(500);
  expect((await shardctl(['reload', '--data', cloned.data])).stdout).toBe('Reloaded clone-1, clone-2.\n');
  await clients.acknowledges(500);
  await clients.finish();
  expect(clients.failures).toEqual([]);

  const single = await startService({ data: temporaryDirectory(), args: ['--strategy', 'single'] });
  await fetch(`${single.url}/v1/kv/key`, { method: 'PUT', body: 'kept' });
  const { pid } = await single.processStatus('clone-1');
  expect((await shardctl(['restart', 'clone-1', '--data', single.data])).stdout).toBe('Reloaded clone-1.\n');
  expect((await single.processStatus('clone-1')).pid).not.toBe(pid);
  expect(await (await fetch(`${single.url}/v1/kv/key`)).text()).toBe('kept');
});
