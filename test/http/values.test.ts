/** What goes in comes out: keys, bytes, types and versions, through HTTP, ring, wire and SQLite. */

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { urlOfKey } from '../../src/http/key-in-url.ts';
import { startRestApp } from '../support/rest-app.ts';

test('10,000 generated keys and values make the round trip, byte for byte', async () => {
  const { url } = await startRestApp();
  const pool = new Pool(url, { connections: 32 });
  const keys = fc.oneof(
    fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).map((text) => Buffer.from(text)),
    fc.webPath().map((path) => Buffer.from(path || '/')),
    fc.uint8Array({ minLength: 1, maxLength: 1024 }).map((bytes) => Buffer.from(bytes)),
  );
  const values = fc.oneof(
    { weight: 20, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 100_000 }).map((length) => Buffer.alloc(length, 'big\0value\r\n')),
    },
  );
  const types = fc.constantFrom(
    undefined,
    'text/html',
    'application/json; charset=utf-8',
    'image/svg+xml',
    'x-custom/thing',
  );
  const entries = fc.sample(fc.tuple(keys, values, types), 14_000);
  const distinct = new Map(entries.map((entry) => [entry[0].toString('hex'), entry]));
  expect(distinct.size).toBeGreaterThanOrEqual(10_000);

  const etags = new Map<string, string>();
  await inParallel(distinct, async ([id, [key, value, type]]) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const {
      statusCode,
      headers: answered,
      body,
    } = await pool.request({ method: 'PUT', path: `/v1/kv/${urlOfKey(key)}`, headers, body: Buffer.from(value) });
    await body.dump();
    expect(statusCode).toBe(201);
    etags.set(id, answered['etag'] as string);
  });
  await inParallel(distinct, async ([id, [key, value, type]]) => {
    const { statusCode, headers, body } = await pool.request({ method: 'GET', path: `/v1/kv/${urlOfKey(key)}` });
    const found = Buffer.from(await body.arrayBuffer());
    expect(statusCode).toBe(200);
    if (!found.equals(Buffer.from(value))) throw new Error(`the value of ${id} came back changed`);
    expect([headers['content-type'], headers['etag']]).toEqual([type ?? 'application/octet-stream', etags.get(id)]);
  });
  await pool.destroy();
});

async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

test('one key can be written percent-encoded, raw with slashes, and as base64url', async () => {
  const { url } = await startRestApp();
  expect((await fetch(`${url}/v1/kv/caf%C3%A9%2Fmen%C3%BC`, { method: 'PUT', body: 'one key' })).status).toBe(201);
  const base64url = `${Buffer.from('café/menü').toString('base64url')}?key-encoding=base64url`;
  for (const segment of ['caf%c3%a9/men%C3%BC', base64url]) {
    expect(await (await fetch(`${url}/v1/kv/${segment}`)).text()).toBe('one key');
  }
});

test('a request for a whole URL is one for its path', async () => {
  const { url, port } = await startRestApp();
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'PUT http://localhost/v1/kv/whole?timing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nvalue',
  );
  expect(await text(socket)).toMatch(/^HTTP\/1.1 201 /);
  expect(await (await fetch(`${url}/v1/kv/whole`)).text()).toBe('value');
});

test('PUT answers 201 then 204, with the version as ETag; DELETE answers 204 twice', async () => {
  const { url } = await startRestApp();
  const path = `${url}/v1/kv/key`;
  const created = await fetch(path, { method: 'PUT', body: 'one' });
  const replaced = await fetch(path, { method: 'PUT', body: 'two' });
  const read = await fetch(path);
  expect([created.status, replaced.status, read.status]).toEqual([201, 204, 200]);
  expect(created.headers.get('etag')).toMatch(/^"\d+"$/);
  expect(replaced.headers.get('etag')).not.toBe(created.headers.get('etag'));
  expect(read.headers.get('etag')).toBe(replaced.headers.get('etag'));
  expect((await fetch(path, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(path, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(path)).status).toBe(404);
});

test('HEAD tells what GET would send, without the value', async () => {
  const { url } = await startRestApp();
  const path = `${url}/v1/kv/key`;
  await fetch(path, { method: 'PUT', body: 'x'.repeat(1_234), headers: { 'content-type': 'text/plain' } });
  const [get, head] = [await fetch(path), await fetch(path, { method: 'HEAD' })];
  for (const name of ['content-type', 'content-length', 'etag'])
    expect(head.headers.get(name)).toBe(get.headers.get(name));
  expect(head.headers.get('content-length')).toBe('1234');
  expect(await head.text()).toBe('');
});

test('a stored page cannot act as a page of this origin', async () => {
  const { url } = await startRestApp();
  await fetch(`${url}/v1/kv/page`, {
    method: 'PUT',
    body: '<script>1</script>',
    headers: { 'content-type': 'text/html' },
  });
  const page = await fetch(`${url}/v1/kv/page`);
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  expect(page.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
});

test('topology, livez and readyz answer GET and HEAD', async () => {
  const { url } = await startRestApp();
  const topology = (await (await fetch(`${url}/v1/topology`)).json()) as {
    epoch: number;
    slots: { first: number; last: number }[];
  };
  expect(topology.epoch).toBe(1);
  expect(topology.slots.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBe(16_384);
  for (const path of ['/v1/topology', '/livez', '/readyz']) {
    expect((await fetch(`${url}${path}`)).status).toBe(200);
    expect((await fetch(`${url}${path}`, { method: 'HEAD' })).status).toBe(200);
  }
});

test('GET and HEAD of a value say that a part of it can be had', async () => {
  const { url } = await startRestApp();
  for (const body of ['small', 'large'.repeat(2_000)]) {
    await fetch(`${url}/v1/kv/key`, { method: 'PUT', body });
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${url}/v1/kv/key`, { method });
      await answer.arrayBuffer();
      expect([method, answer.headers.get('accept-ranges')]).toEqual([method, 'bytes']);
    }
  }
});

test.each(['application/json', 'application/x-ndjson'])('HEAD of a listing of %s is its head alone', async (accept) => {
  const { url } = await startRestApp();
  for (const key of ['a', 'b']) await fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: key });
  const [get, head] = await Promise.all(
    ['GET', 'HEAD'].map((method) => fetch(`${url}/v1/kv?limit=1`, { method, headers: { accept } })),
  );
  expect([head?.status, await head?.text()]).toEqual([200, '']);
  for (const name of ['content-type', 'link']) expect(head?.headers.get(name)).toBe(get?.headers.get(name));
  await get?.text();
});

test('the keys that URL clients fold away are taken in base64url alone', async () => {
  const { url, port } = await startRestApp();
  for (const key of ['.', '..']) {
    const socket = connect(port, '127.0.0.1');
    const lines = ['host: localhost', 'connection: close', 'content-length: 1', '', 'x'].join('\r\n');
    socket.write(`PUT /v1/kv/${key} HTTP/1.1\r\n${lines}`);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400 [\s\S]*key-malformed/);
    expect((await fetch(`${url}/v1/kv/${urlOfKey(Buffer.from(key))}`, { method: 'PUT', body: key })).status).toBe(201);
    expect(await (await fetch(`${url}/v1/kv/${urlOfKey(Buffer.from(key))}`)).text()).toBe(key);
  }
});
