/** The example of `ops/nginx.conf`, in a real nginx before a real service. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { errorStatus } from '../../src/http/error-status.ts';
import { ChangeWatcher } from '../support/change-watcher.ts';
import { freePort } from '../support/free-port.ts';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { projectRoot } from '../support/user-docs.ts';

// Debian has it where only root looks.
const nginx = ['/usr/sbin/nginx', 'nginx'].find((program) => spawnSync(program, ['-v']).status === 0) ?? '';
if (nginx === '')
  console.warn('SKIPPED: nginx is not installed (Debian: nginx-light), so nobody tries ops/nginx.conf.');

const example = readFileSync(join(projectRoot, 'ops', 'nginx.conf'), 'utf8');
const MiB = 1024 * 1024;

type Proxy = { readonly url: string; readonly log: () => readonly Record<string, unknown>[] };

/** The example, with other ports and files. */
async function proxyBefore(serviceUrl: string): Promise<Proxy> {
  const folder = temporaryDirectory();
  const [port, log] = [await freePort(), join(folder, 'access.log')];
  const here: readonly (readonly [string, string])[] = [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['127.0.0.1:7700', new URL(serviceUrl).host],
    ['/var/log/nginx/shardlite.log', log],
  ];
  for (const [text] of here) expect(example.split(text)).toHaveLength(2);
  const config = here.reduce((text, [from, to]) => text.replace(from, to), example);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
${folders.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
${config}
}
`,
  );
  const child = spawn(nginx, ['-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const url = `http://127.0.0.1:${port}`;
  while ((await fetch(`${url}/readyz`).catch(() => undefined)) === undefined) {
    if (child.exitCode !== null) throw new Error(readFileSync(join(folder, 'error.log'), 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    url,
    log: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as Record<string, unknown>)
        : [],
  };
}

beforeEach(({ skip }) => {
  if (nginx === '') skip();
});

async function problemOf(answer: Response): Promise<unknown> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const { detail, ...problem } = (await answer.json()) as { detail: string; code: keyof typeof errorStatus };
  expect(detail).toMatch(/^[A-Z].*\.$/);
  const { status, title } = errorStatus[problem.code];
  expect([answer.status, problem]).toEqual([
    status,
    { type: `urn:shardlite:problem:${problem.code}`, title, status, code: problem.code },
  ]);
  return problem.code;
}

test('through nginx the service is as without it: names, values, limits, changes, and reloads that nobody notices', async () => {
  const settings = join(temporaryDirectory(), 'settings.json');
  const set = (fields: object) => writeFileSync(settings, JSON.stringify(fields));
  set({ valueBytesMax: 16 * MiB, accessLog: 'on' });
  const service = await startService({
    data: temporaryDirectory(),
    args: ['--shards', '1', '--routers', '1', '--config', settings],
  });
  const { url, log } = await proxyBefore(service.url);
  const put = (key: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body, headers });

  const watcher = new ChangeWatcher(() => url);
  onTestFinished(() => watcher.finish());
  await watcher.began();
  const odd = 'a%2Fb%2F..%2Fü //%25';
  expect((await put(odd, 'value', { 'x-request-id': 'of-the-client' })).headers.get('x-request-id')).toBe(
    'of-the-client',
  );
  // Held back, it would come when much more had been written, or the stream had ended.
  await expect.poll(() => watcher.changes.map(({ key }) => key)).toEqual(['a/b/../ü //%']);
  expect(await (await fetch(`${service.url}/v1/kv/${odd}`)).text()).toBe('value');
  const given = (await fetch(`${url}/v1/kv/${odd}`)).headers.get('x-request-id');
  for (const id of ['of-the-client', given]) {
    await expect.poll(() => log()).toContainEqual(expect.objectContaining({ requestId: id, address: '127.0.0.1' }));
    await expect.poll(() => service.said.join('\n')).toContain(`"requestId":"${id}"`);
  }

  expect((await put('page', 'of this site', { origin: url, 'sec-fetch-site': 'same-origin' })).status).toBe(201);
  for (const path of ['a%00', '..%2F..%2F..%2Fa']) expect((await fetch(`${url}/v1/kv/${path}`)).status).toBe(400);
  const largest = Buffer.alloc(16 * MiB, 'large');
  expect((await put('large', largest)).status).toBe(201);
  expect(largest.equals(Buffer.from(await (await fetch(`${url}/v1/kv/large`)).arrayBuffer()))).toBe(true);
  const tooLarge = Buffer.alloc(16 * MiB + 1);
  expect(await problemOf(await put('large', tooLarge))).toBe('value-too-large');
  expect(await problemOf(await fetch(`${url}/v1/batch`, { method: 'POST', body: tooLarge }))).toBe('batch-too-large');

  set({ valueBytesMax: 1 * MiB });
  const keysOf = (index: number) => [`${index}-1`, `${index}-2`];
  const clients = new RecordingClients({ url, clients: 8, keysOf });
  await clients.acknowledges(200);
  const reloaded = await shardctl(['reload', 'routers', '--data', service.data]);
  expect(reloaded.stdout).toContain('Reloaded router-1.');
  await clients.acknowledges(200);
  await clients.finish();
  expect([clients.failures, (await clients.verify(url)).mistakes]).toEqual([[], []]);
  expect(await problemOf(await put('large', largest))).toBe('value-too-large');
});

test('nginx asks again for what is read, never for what is written, and says what may have become of it', async () => {
  const asked: string[] = [];
  // It answers the first request of each connection, and drops the connection at the second.
  const dropping = createServer((request, response) => {
    asked.push(request.method as string);
    const { socket } = request as { socket: { asked?: boolean; destroy: () => void } };
    if (socket.asked) return socket.destroy();
    socket.asked = true;
    request.resume();
    response.end('answer');
  });
  const { url } = await proxyBefore(await listening(dropping));
  for (const [method, times] of [
    ['GET', 2],
    ['PUT', 1],
    ['DELETE', 1],
    ['PATCH', 1],
    ['POST', 1],
  ] as const) {
    // The connection to the service is kept for the next.
    expect(await (await fetch(`${url}/v1/kv/first`)).text()).toBe('answer');
    asked.length = 0;
    const answer = await fetch(`${url}/v1/kv/key`, { method, ...(method !== 'GET' && { body: 'x' }) });
    if (method === 'GET') expect(await answer.text()).toBe('answer');
    else expect(await problemOf(answer)).toBe('outcome-unknown');
    expect([method, asked]).toEqual([method, Array(times).fill(method)]);
  }
  dropping.closeAllConnections();
  dropping.close();
  const unanswered = await fetch(`${url}/v1/kv/key`);
  expect([unanswered.headers.get('retry-after'), await problemOf(unanswered)]).toEqual(['1', 'not-ready']);
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
