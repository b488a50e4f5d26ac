/** `PATCH /v1/kv/{key}`: sets the expiry and nothing else, once under a name, and tells the value to whoever prefers that. */

import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { accessOf, bearer, rulesOf, tokenOf } from '../support/access.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';

const representation = { prefer: 'return=representation' };

async function put({ url }: RestApp, key: string, query = '', body = 'hello'): Promise<string | null> {
  const headers = { 'content-type': 'text/plain' };
  return (await fetch(`${url}/v1/kv/${key}${query}`, { method: 'PUT', body, headers })).headers.get('etag');
}

function patch({ url }: RestApp, key: string, query: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/kv/${key}${query}`, { method: 'PATCH', headers });
}

test('it is answered with the new ETag and the expiry; with nothing of it where the value never expires', async () => {
  const app = await startRestApp();
  const created = await put(app, 'key');
  const byTtl = await patch(app, 'key', '?ttl=60');
  expect([byTtl.status, await byTtl.text()]).toEqual([204, '']);
  expect(byTtl.headers.get('etag')).not.toBe(created);
  expect(Math.abs(Number(byTtl.headers.get('expires-at')) - Date.now() - 60_000)).toBeLessThan(5_000);

  const expiresAt = `${Date.now() + 3_600_000}`;
  const byTime = await patch(app, 'key', `?expires-at=${expiresAt}`);
  expect(byTime.headers.get('expires-at')).toBe(expiresAt);
  const forEver = await patch(app, 'key', '?expires-at=never');
  expect([forEver.status, forEver.headers.get('expires-at')]).toEqual([204, null]);
  const read = await fetch(`${app.url}/v1/kv/key`);
  expect([await read.text(), read.headers.get('etag'), read.headers.get('expires-at')]).toEqual([
    'hello',
    forEver.headers.get('etag'),
    null,
  ]);
});

test.each([
  ['', 400, 'parameter-invalid'],
  ['?ttl=0', 400, 'parameter-invalid'],
  ['?ttl=5&expires-at=never', 400, 'parameter-invalid'],
  ['?expires-at=1', 400, 'parameter-invalid'],
  ['?by=1', 400, 'parameter-unknown'],
])('with %j it is refused, and nothing is done', async (query, status, code) => {
  const app = await startRestApp();
  const etag = await put(app, 'key');
  const refused = await patch(app, 'key', query);
  expect([refused.status, await refused.json()]).toMatchObject([status, { code }]);
  expect((await fetch(`${app.url}/v1/kv/key`)).headers.get('etag')).toBe(etag);
});

test('it takes no body, and makes no value', async () => {
  const app = await startRestApp();
  const withBody = await fetch(`${app.url}/v1/kv/key?ttl=5`, { method: 'PATCH', body: '{}' });
  expect(await withBody.json()).toMatchObject({ status: 400, code: 'parameter-invalid' });
  const nothing = await patch(app, 'key', '?ttl=5', representation);
  expect(await nothing.json()).toMatchObject({ status: 404, code: 'key-not-found' });
  expect((await fetch(`${app.url}/v1/kv/key`)).status).toBe(404);
});

test('asked for the representation it tells what a GET would, as of the same step', async () => {
  const app = await startRestApp();
  await put(app, 'key');
  const touched = await patch(app, 'key', '?ttl=60', representation);
  const told = [touched.status, touched.headers.get('preference-applied'), await touched.text()];
  expect(told).toEqual([200, 'return=representation', 'hello']);
  const read = await fetch(`${app.url}/v1/kv/key`);
  for (const name of ['etag', 'expires-at', 'content-type', 'content-length', 'content-security-policy']) {
    expect([name, touched.headers.get(name)]).toEqual([name, read.headers.get(name)]);
  }
  expect(app.executed.map(({ kind }) => kind)).toEqual(['put', 'atomic', 'get']);
});

test('sent again under its name it is done once, and tells what there is by then', async () => {
  const app = await startRestApp();
  await put(app, 'key');
  const named = { ...representation, 'idempotency-key': 'once' };
  const first = await patch(app, 'key', '?ttl=60', named);
  const again = await patch(app, 'key', '?ttl=60', named);
  expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([
    200,
    first.headers.get('etag'),
    'hello',
  ]);

  const replaced = await put(app, 'key', '', 'newer');
  const later = await patch(app, 'key', '?ttl=60', named);
  expect([later.status, later.headers.get('etag'), later.headers.get('expires-at'), await later.text()]).toEqual([
    200,
    replaced,
    null,
    'newer',
  ]);
  expect((await patch(app, 'key', '?ttl=61', named)).status).toBe(422);

  await fetch(`${app.url}/v1/kv/key`, { method: 'DELETE' });
  const gone = await patch(app, 'key', '?ttl=60', named);
  expect([gone.status, gone.headers.get('etag'), gone.headers.get('preference-applied')]).toEqual([
    204,
    first.headers.get('etag'),
    null,
  ]);
});

test('a value that finds no room in the budget of bodies is not told; the touch is done all the same', async () => {
  const app = await startRestApp({ bodyMemoryBytesMax: 100_000 });
  await put(app, 'key', '', 'x'.repeat(90_000));
  const holder = request(`${app.url}/v1/kv/other`, {
    method: 'PUT',
    headers: { 'content-length': 90_000, expect: '100-continue' },
  }).on('error', () => {});
  await once(holder, 'continue');
  const touched = await patch(app, 'key', '?ttl=60', representation);
  expect([touched.status, touched.headers.get('preference-applied')]).toEqual([204, null]);
  expect(touched.headers.get('expires-at')).not.toBeNull();
  holder.destroy();
});

test('a token that may not read may touch, and is not told the value', async () => {
  const [writer, reader] = [tokenOf({ name: 'writer', read: false }), tokenOf({ name: 'reader', write: false })];
  const app = await startRestApp({ access: await accessOf(rulesOf([writer.record, reader.record])) });
  await fetch(`${app.url}/v1/kv/key`, { method: 'PUT', body: 'hello', headers: bearer(writer.token) });
  expect((await patch(app, 'key', '?ttl=60', bearer(writer.token))).status).toBe(204);
  for (const token of [writer.token, reader.token]) {
    const refused = await patch(app, 'key', '?expires-at=never', { ...representation, ...bearer(token) });
    expect(await refused.json()).toMatchObject({ status: 403, code: 'access-denied' });
  }
  const read = await fetch(`${app.url}/v1/kv/key`, { method: 'HEAD', headers: bearer(reader.token) });
  expect(read.headers.get('expires-at')).not.toBeNull();
});
