/** Every way a request can be wrong: a problem document with a stable code, and nothing that reaches a store. */

import { connect } from 'node:net';
import { Client } from 'undici';
import { expect, test } from 'vitest';
import { errorStatus } from '../../src/http/error-status.ts';
import type { ErrorCode } from '../../src/kv/errors.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';

type WrongRequest = {
  readonly what: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly code: ErrorCode;
};

const wrongRequests: readonly WrongRequest[] = [
  { what: 'an empty key', path: '/v1/kv/', code: 'key-empty' },
  { what: 'an empty base64url key', path: '/v1/kv/?key-encoding=base64url', code: 'key-empty' },
  { what: 'a % that is no encoding', path: '/v1/kv/50%', code: 'key-malformed' },
  { what: 'bytes that are not UTF-8', path: '/v1/kv/%FF', code: 'key-malformed' },
  { what: 'a base64url key with padding', path: '/v1/kv/YQ==?key-encoding=base64url', code: 'key-malformed' },
  { what: 'a base64url key of impossible length', path: '/v1/kv/YWJjZ?key-encoding=base64url', code: 'key-malformed' },
  { what: 'a key of 1,025 bytes', path: `/v1/kv/${'k'.repeat(1_025)}`, code: 'key-too-long' },
  { what: 'a key of 10,000 bytes', path: `/v1/kv/${'k'.repeat(10_000)}`, code: 'key-too-long' },
  { what: 'a key of 1,025 encoded bytes', path: `/v1/kv/${'%C3%BC'.repeat(513)}`, code: 'key-too-long' },
  { what: 'an unknown parameter', path: '/v1/kv/key?tll=3', code: 'parameter-unknown' },
  { what: 'an unknown key encoding', path: '/v1/kv/key?key-encoding=hex', code: 'parameter-invalid' },
  {
    what: 'a body over the limit',
    method: 'PUT',
    path: '/v1/kv/key',
    body: 'x'.repeat(1_001),
    code: 'value-too-large',
  },
  {
    what: 'a content type that is none',
    method: 'PUT',
    path: '/v1/kv/key',
    headers: { 'content-type': 'text' },
    body: 'x',
    code: 'content-type-invalid',
  },
  {
    what: 'a content type of 300 bytes',
    method: 'PUT',
    path: '/v1/kv/key',
    headers: { 'content-type': `text/${'x'.repeat(295)}` },
    body: 'x',
    code: 'content-type-invalid',
  },
  {
    what: 'an encoded body',
    method: 'PUT',
    path: '/v1/kv/key',
    headers: { 'content-encoding': 'gzip' },
    body: 'x',
    code: 'content-encoding-unsupported',
  },
  {
    what: 'a part of a value',
    method: 'PUT',
    path: '/v1/kv/key',
    headers: { 'content-range': 'bytes 0-0/2' },
    body: 'x',
    code: 'content-range-unsupported',
  },
  { what: 'another method on a key', method: 'POST', path: '/v1/kv/key', code: 'method-not-allowed' },
  {
    what: 'a method that HTTP has and the service has not',
    method: 'PROPFIND',
    path: '/v1/kv/key',
    code: 'method-not-allowed',
  },
  { what: 'writing the topology', method: 'PUT', path: '/v1/topology', code: 'method-not-allowed' },
  { what: 'an unknown path', path: '/v2/kv/key', code: 'route-unknown' },
  { what: 'writing to the root', method: 'PUT', path: '/', code: 'method-not-allowed' },
  { what: 'a path that is encoded before the key', method: 'PUT', path: '/v1/%6bv/key', code: 'route-unknown' },
  {
    what: 'half of a surrogate pair in a batch',
    method: 'POST',
    path: '/v1/batch',
    headers: { 'content-type': 'application/json' },
    body: '{"operations":[{"op":"put","key":"k","value":"\\ud800"}]}',
    code: 'batch-malformed',
  },
  {
    what: 'a batch of 1,001 operations',
    method: 'POST',
    path: '/v1/batch',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"op":"get","key":"k"}\n'.repeat(1_001),
    code: 'batch-too-large',
  },
  {
    what: 'a host that is not ours',
    path: '/v1/kv/key',
    headers: { host: 'rebound.example' },
    code: 'host-not-allowed',
  },
];

test.each(wrongRequests)('$what is answered $code', async ({ method = 'GET', path, headers = {}, body, code }) => {
  const app = await startRestApp({ valueBytesMax: 1_000 });
  const client = new Client(app.url);
  const answer = await client.request({ method, path, headers, body: body ?? null });
  const problem = (await answer.body.json()) as Record<string, unknown>;
  await client.destroy();

  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.statusCode).toBe(errorStatus[code].status);
  expect(problem).toEqual({
    type: `urn:shardlite:problem:${code}`,
    title: errorStatus[code].title,
    status: errorStatus[code].status,
    code,
    detail: expect.stringMatching(/\S.*\.$/),
  });
  expect(app.executed).toEqual([]);
  expect(app.defects).toEqual([]);
});

test('405 names in Allow what is allowed', async () => {
  const { url } = await startRestApp();
  const onKey = await fetch(`${url}/v1/kv/key`, { method: 'PROPFIND' });
  const onTopology = await fetch(`${url}/v1/topology`, { method: 'DELETE' });
  expect([onKey.headers.get('allow'), onTopology.headers.get('allow')]).toEqual([
    'DELETE, GET, HEAD, PATCH, PUT',
    'GET, HEAD',
  ]);
});

test('a key that is not there is 404 on GET and HEAD, and HEAD has no body', async () => {
  const { url } = await startRestApp();
  const get = await fetch(`${url}/v1/kv/nothing`);
  const head = await fetch(`${url}/v1/kv/nothing`, { method: 'HEAD' });
  expect([get.status, ((await get.json()) as { code: string }).code]).toEqual([404, 'key-not-found']);
  expect([head.status, await head.text()]).toEqual([404, '']);
});

test.each([
  ['what is not HTTP', 'HELLO\r\n\r\n', 400, 'request-malformed'],
  [
    'headers beyond 16 KiB',
    `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    431,
    'headers-too-large',
  ],
  ['a key typed as raw UTF-8', 'GET /v1/kv/ü HTTP/1.1\r\nhost: localhost\r\n\r\n', 400, 'request-malformed'],
  [
    'two lengths that differ',
    'PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx',
    400,
    'request-malformed',
  ],
  [
    'a chunk that is none',
    'PUT /v1/kv/k HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
    400,
    'request-malformed',
  ],
])('%s is answered with a problem, and the connection ends', async (_what, bytes, status, code) => {
  const app = await startRestApp();
  const answer = await rawAnswer(app, bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toContain(`"code":"${code}"`);
  expect(app.executed).toEqual([]);
});

test('headers that do not arrive are answered 408, a body cut short reaches no store', async () => {
  const app = await startRestApp();
  const slow = rawAnswer(app, 'GET /v1/kv/k HTTP/1.1\r\nhost: localhost\r\nx-slow');
  const socket = connect(app.port, '127.0.0.1');
  socket.write('PUT /v1/kv/cut HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf of it');
  setImmediate(() => socket.resetAndDestroy());
  expect(await slow).toMatch(/^HTTP\/1.1 408 /);
  expect(app.executed).toEqual([]);
});

/** Everything the server sends until it closes the connection. */
function rawAnswer({ port }: RestApp, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(received).toString()));
  });
}
