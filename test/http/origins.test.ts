/** What web pages of other origins may do: nothing that writes, unless an operator has allowed their origin. */

import { request } from 'undici';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

type Headers = Readonly<Record<string, string>>;

const writes = [
  { method: 'PUT', path: '/v1/kv/key', body: 'x', headers: {} },
  { method: 'DELETE', path: '/v1/kv/key', body: null, headers: {} },
  { method: 'POST', path: '/v1/counters/key', body: null, headers: {} },
  {
    method: 'POST',
    path: '/v1/batch',
    body: '{"operations":[{"op":"put","key":"key","value":"x"}]}',
    headers: { 'content-type': 'application/json' },
  },
] as const;

/** As Chromium sends them for a page of the origin that is written here, `HOST` being ours. */
const foreign: readonly Headers[] = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'file://' },
  { origin: 'http://HOST.evil.example' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  { origin: 'http://HOST', 'sec-fetch-site': 'cross-site' },
];

const own: readonly Headers[] = [
  {},
  { origin: 'http://HOST' },
  { origin: 'https://HOST' },
  { origin: 'http://HOST', 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none' },
];

const sent = (headers: Headers, url: string) =>
  Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.replace('HOST', new URL(url).host)]));

test.each(foreign)('no page writes that a browser announces with %j', async (headers) => {
  const { url, executed } = await startRestApp();
  for (const { path, ...write } of writes) {
    const answer = await request(`${url}${path}`, { ...write, headers: { ...write.headers, ...sent(headers, url) } });
    expect([path, answer.statusCode, await answer.body.json()]).toMatchObject([
      path,
      403,
      { code: 'origin-not-allowed' },
    ]);
  }
  expect(executed).toEqual([]);
  // Reading is left to the browser, which keeps the answer from the page.
  const read = await request(`${url}/v1/kv/key`, { headers: sent(headers, url) });
  expect([read.statusCode, read.headers['access-control-allow-origin']]).toEqual([404, undefined]);
});

test.each(own)('own pages, and what is no page, write with %j', async (headers) => {
  const { url } = await startRestApp();
  for (const { path, ...write } of writes.slice(0, 2)) {
    const answer = await request(`${url}${path}`, { ...write, headers: sent(headers, url) });
    expect(answer.statusCode).toBeLessThan(300);
  }
});

test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
  'a batch of the type %s, which any page may send, is refused',
  async (type) => {
    const { url, executed } = await startRestApp();
    const headers = type === undefined ? {} : { 'content-type': type };
    const body = '{"operations":[{"op":"put","key":"key","value":"x"}]}';
    const answer = await request(`${url}/v1/batch`, { method: 'POST', body, headers });
    expect([answer.statusCode, await answer.body.json()]).toMatchObject([415, { code: 'batch-type-unsupported' }]);
    expect(executed).toEqual([]);
  },
);

const app = 'https://app.example';

test('an origin that is allowed asks first, writes, and reads what the answer says', async () => {
  const { url } = await startRestApp({ allowedOrigins: [app] });
  const headers = { origin: app, 'sec-fetch-site': 'cross-site' };
  const asked = await request(`${url}/v1/kv/key`, {
    method: 'OPTIONS',
    headers: {
      ...headers,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-type,idempotency-key,if-match,if-none-match',
    },
  });
  expect(asked.statusCode).toBe(204);
  expect(asked.headers).toMatchObject({
    'access-control-allow-origin': app,
    'access-control-allow-methods': expect.stringContaining('PUT'),
    vary: 'Origin',
  });
  const allowed = (asked.headers['access-control-allow-headers'] as string).split(', ');
  expect(allowed).toEqual(expect.arrayContaining(['content-type', 'idempotency-key', 'if-match', 'if-none-match']));

  const put = await request(`${url}/v1/kv/key?ttl=60`, { method: 'PUT', body: 'x', headers });
  const small = await request(`${url}/v1/kv/key`, { headers });
  await request(`${url}/v1/kv/large`, { method: 'PUT', body: 'x'.repeat(10_000), headers });
  const large = await request(`${url}/v1/kv/large`, { headers });
  const missing = await request(`${url}/v1/kv/nothing`, { headers });
  const page = await request(`${url}/v1/kv?limit=1`, { headers });
  const tooLarge = await request(`${url}/v1/kv/key`, { method: 'PUT', body: 'x'.repeat(2_000_000), headers });
  expect([put, small, large, missing, page, tooLarge].map(({ statusCode }) => statusCode)).toEqual([
    201, 200, 200, 404, 200, 413,
  ]);
  for (const answer of [put, small, large, missing, page, tooLarge]) {
    expect([answer.headers['access-control-allow-origin'], answer.headers['vary']]).toEqual([app, 'Origin']);
    const exposed = answer.headers['access-control-expose-headers'];
    for (const name of ['ETag', 'Link', 'Expires-At', 'Retry-After']) expect(exposed).toContain(name);
  }
});

test('a stream of events goes to an origin that is allowed', async () => {
  const { url } = await startRestApp({ allowedOrigins: [app] });
  const stream = await request(`${url}/v1/changes`, { headers: { origin: app, accept: 'text/event-stream' } });
  expect([stream.statusCode, stream.headers['access-control-allow-origin']]).toEqual([200, app]);
  stream.body.on('error', () => {}).destroy();
});

test('an origin that is not among the allowed ones is refused, and answers differ by origin', async () => {
  const { url, executed } = await startRestApp({ allowedOrigins: [app] });
  const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const put = await request(`${url}/v1/kv/key`, { method: 'PUT', body: 'x', headers });
  const asked = await request(`${url}/v1/kv/key`, {
    method: 'OPTIONS',
    headers: { ...headers, 'access-control-request-method': 'PUT' },
  });
  const read = await request(`${url}/v1/kv/key`);
  expect([put.statusCode, asked.statusCode, read.statusCode]).toEqual([403, 405, 404]);
  for (const answer of [put, asked, read]) {
    expect([answer.headers['access-control-allow-origin'], answer.headers['vary']]).toEqual([undefined, 'Origin']);
  }
  expect(executed.map(({ kind }) => kind)).toEqual(['get']);
});

test('with * any origin may write', async () => {
  const { url } = await startRestApp({ allowedOrigins: ['*'] });
  const headers = { origin: 'null', 'sec-fetch-site': 'cross-site' };
  const put = await request(`${url}/v1/kv/key`, { method: 'PUT', body: 'x', headers });
  expect([put.statusCode, put.headers['access-control-allow-origin']]).toEqual([201, 'null']);
});
