/** Bodies that are too large, too many, too deep or never read: each is answered, and none costs more than its share. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { Client, request } from 'undici';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

const MiB = 1024 * 1024;
const tries = 20;
/** More than sockets hold, and no more than is read on. */
const tooLarge = Buffer.alloc(17 * MiB);

const problemOf = async (answer: Response) => ((await answer.json()) as { code: string }).code;

test(`fetch sees each of ${tries} refusals of a body that is too large`, async () => {
  const { url, executed } = await startRestApp();
  for (let number = 0; number < tries; number++) {
    const answer = await fetch(`${url}/v1/kv/key`, { method: 'PUT', body: tooLarge });
    expect([number, answer.status, await problemOf(answer)]).toEqual([number, 413, 'value-too-large']);
  }
  expect(executed).toEqual([]);
});

test(`fetch sees each of ${tries} refusals of a body whose length it does not tell`, async () => {
  const { url } = await startRestApp();
  for (let number = 0; number < tries; number++) {
    const body = new Blob([tooLarge]).stream();
    const answer = await fetch(`${url}/v1/kv/key`, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    expect([number, answer.status]).toEqual([number, 413]);
  }
});

test(`urllib of Python sees each of ${tries} refusals of a body that is too large`, async () => {
  const { url } = await startRestApp();
  const program = `
import urllib.error, urllib.request
for _ in range(${tries}):
    try:
        urllib.request.urlopen(urllib.request.Request('${url}/v1/kv/key', data=bytes(${tooLarge.length}), method='PUT'))
    except urllib.error.HTTPError as error:
        print(error.code)
`;
  const { stdout } = await promisify(execFile)('python3', ['-c', program]);
  expect(stdout.split('\n').filter((line) => line === '413')).toHaveLength(tries);
});

test('a client that asks before it sends too much need not send it', async () => {
  const { port } = await startRestApp();
  const outgoing = httpRequest({ port, method: 'PUT', path: '/v1/kv/key' });
  outgoing.setHeader('expect', '100-continue');
  outgoing.setHeader('content-length', 2 * MiB);
  outgoing.flushHeaders();
  let isAskedFor = false;
  outgoing.on('continue', () => {
    isAskedFor = true;
  });
  const [answer] = await once(outgoing, 'response');
  outgoing.on('error', () => {});
  outgoing.destroy();
  expect([answer.statusCode, isAskedFor]).toEqual([413, false]);
});

/** Begins a PUT and sends half of it. */
async function stalledPut(port: number, bytes: number) {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  // The 100 tells that the body is taken on.
  socket.write(
    `PUT /v1/kv/stalled HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: ${bytes}\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  socket.write(Buffer.alloc(bytes / 2));
  return { socket, answer: String(answer) };
}

test('bodies beyond the budget are refused before they are read, and taken again when others have gone', async () => {
  const { url, port, executed } = await startRestApp({ bodyMemoryBytesMax: 4 * MiB });
  const stalled = await Promise.all(Array.from({ length: 4 }, () => stalledPut(port, MiB)));
  expect(stalled.map(({ answer }) => answer.slice(0, 12))).toEqual(Array(4).fill('HTTP/1.1 100'));
  const refused = await stalledPut(port, MiB);
  expect(refused.answer).toMatch(/^HTTP\/1.1 503 [\s\S]*retry-after: [\s\S]*"code":"overloaded"/);
  const chunked = await fetch(`${url}/v1/kv/chunked`, {
    method: 'PUT',
    body: new Blob(['x'.repeat(20_000)]).stream(),
    duplex: 'half',
  } as RequestInit);
  expect([chunked.status, await problemOf(chunked)]).toEqual([503, 'overloaded']);
  expect(executed).toEqual([]);
  // What has no body is served all the while.
  expect((await fetch(`${url}/v1/kv/nothing`)).status).toBe(404);

  for (const { socket } of stalled.slice(0, 3)) socket.destroy();
  for (;;) {
    const { status } = await fetch(`${url}/v1/kv/later`, { method: 'PUT', body: Buffer.alloc(MiB) });
    if (status === 201) break;
    expect(status).toBe(503);
  }
  // An answer gives back what its request took: the budget would be used up many times over.
  for (let number = 0; number < 20; number++) {
    expect((await fetch(`${url}/v1/kv/later`, { method: 'PUT', body: Buffer.alloc(MiB) })).status).toBe(204);
    const body = new Blob([Buffer.alloc(MiB / 2)]).stream();
    expect((await fetch(`${url}/v1/kv/c`, { method: 'PUT', body, duplex: 'half' } as RequestInit)).status).toBeLessThan(
      300,
    );
  }
  for (const { socket } of stalled) socket.destroy();
});

test('answers that nobody reads count, and those beyond the budget are refused', async () => {
  const { url, port } = await startRestApp({ bodyMemoryBytesMax: 16 * MiB, valueBytesMax: 8 * MiB });
  await fetch(`${url}/v1/kv/large`, { method: 'PUT', body: Buffer.alloc(8 * MiB) });
  const slow = [0, 1].map(() => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET /v1/kv/large HTTP/1.1\r\nhost: localhost\r\n\r\n');
    return socket;
  });
  for (;;) {
    const { status } = await fetch(`${url}/v1/kv/large`);
    if (status === 503) break;
  }
  expect((await fetch(`${url}/v1/kv/nothing`)).status).toBe(404);
  for (const socket of slow) socket.destroy();
  for (;;) {
    const answer = await fetch(`${url}/v1/kv/large`);
    if (answer.status === 200) break;
  }
});

test('pipelined reads of one connection take no more of the budget than is there, and come in order', async () => {
  const { url, port } = await startRestApp({ bodyMemoryBytesMax: 64 * MiB });
  await fetch(`${url}/v1/kv/large`, { method: 'PUT', body: Buffer.alloc(MiB) });
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  const get = 'GET /v1/kv/large HTTP/1.1\r\nhost: localhost\r\n';
  socket.write(`${get}\r\n`.repeat(500));
  socket.write(`${get}connection: close\r\n\r\n`);
  // The shard answers in order: when it has answered this, it has answered all that was asked of it before.
  for (let number = 0; number < 3; number++) await (await fetch(`${url}/v1/kv/large`)).arrayBuffer();
  let received = 0;
  for await (const chunk of socket) received += (chunk as Buffer).length;
  expect(received).toBeGreaterThan(501 * MiB);
});

test.each([
  ['empty lines', '\n', 'batch-too-large'],
  ['spaces', ' ', 'batch-malformed'],
  ['lines of spaces', ' \n', 'batch-too-large'],
])('16 MiB of %s are refused at once', async (_what, text, code) => {
  const { url } = await startRestApp();
  const client = new Client(url);
  const before = process.cpuUsage();
  const answer = await client.request({
    method: 'POST',
    path: '/v1/batch',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Buffer.from(text.repeat((16 * MiB) / text.length)),
  });
  expect(await answer.body.json()).toMatchObject({ code });
  // CPU time, which other programs do not change, the client's own work included. When every line was made a text it
  // was 1.5 s.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(700);
  await client.destroy();
});

test.each(['application/json', 'application/x-ndjson'])(
  'a value nested 100,000 deep, in a batch of %s with a name, is refused as malformed',
  async (type) => {
    const { url, executed, defects } = await startRestApp();
    const operation = `{"op":"put","key":"k","value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const answer = await request(`${url}/v1/batch`, {
      method: 'POST',
      headers: { 'content-type': type, 'idempotency-key': 'name' },
      body: type === 'application/json' ? `{"operations":[${operation}]}` : operation,
    });
    expect([answer.statusCode, await answer.body.json()]).toMatchObject([400, { code: 'batch-malformed' }]);
    expect([executed, defects]).toEqual([[], []]);
  },
);

test('a batch whose bytes are not UTF-8 is refused, and names the line', async () => {
  const { url, executed } = await startRestApp();
  const answer = await request(`${url}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Buffer.from('{"op":"get","key":"k"}\n{"op":"put","key":"k","value":"a\xffb"}\n', 'latin1'),
  });
  expect(await answer.body.json()).toMatchObject({
    code: 'batch-malformed',
    detail: expect.stringContaining('Line 2 is not UTF-8'),
  });
  expect(executed).toEqual([]);
});
