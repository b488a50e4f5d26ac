/** What the log of requests says of each and what it never says, and the names that requests have. */

import { request } from 'undici';
import { expect, test } from 'vitest';
import { type AccessLogSettings, accessLogOf } from '../../src/http/access-log.ts';
import { requestIdCharsMax } from '../../src/http/request-id.ts';
import type { Store } from '../../src/kv/store.ts';
import type { Log } from '../../src/ports/log.ts';
import { accessOf, bearer, rulesOf, tokenOf } from '../support/access.ts';
import { startPartitionedStore } from '../support/in-process-shards.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RestAppOptions, startRestApp, startRestAppOver } from '../support/rest-app.ts';

type Line = { readonly level: 'info' | 'warn'; readonly text: string } & Record<string, unknown>;

function logging(settings: AccessLogSettings): Pick<RestAppOptions, 'accessLog'> & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: Line['level']) => (facts: object, text: string) => void lines.push({ level, text, ...facts });
  const log: Log = { debug: () => {}, info: at('info'), warn: at('warn'), error: () => {} };
  const accessLog = accessLogOf(settings, log);
  return { lines, ...(accessLog && { accessLog }) };
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

async function ask(url: string, method: 'GET' | 'PUT' | 'POST', path: string, headers: Record<string, string> = {}) {
  const answer = await request(`${url}${path}`, { method, headers, body: method === 'GET' ? null : 'the-value' });
  await answer.body.dump();
  return { status: answer.statusCode, id: answer.headers['x-request-id'] };
}

test('without a setting nothing is logged, and only a request that brings a name is answered with one', async () => {
  const { accessLog } = logging({ kind: 'off', slowMs: null });
  expect(accessLog).toBeUndefined();
  const { url } = await startRestApp();
  expect(await ask(url, 'PUT', '/v1/kv/key')).toEqual({ status: 201, id: undefined });
  expect(await ask(url, 'GET', '/v1/kv/key')).toEqual({ status: 200, id: undefined });
  const id = 'trace/00-4bf92f35:a.b=+@_';
  expect(await ask(url, 'GET', '/v1/kv/key', { 'x-request-id': id })).toEqual({ status: 200, id });
  expect(await ask(url, 'GET', '/nothing', { 'x-request-id': id })).toEqual({ status: 404, id });
});

const named = (id: string) => ({ 'x-request-id': id });

test.each([
  ['is empty', ''],
  ['is longer than it may be', 'x'.repeat(requestIdCharsMax + 1)],
  ['has a space', 'one two'],
  ['has a quote', '"'],
  ['has bytes beyond ASCII', '\xe9'],
])('a name that %s is not taken over: the request gets another', async (_what, id) => {
  const { url } = await startRestApp();
  expect((await ask(url, 'GET', '/v1/kv/key', named(id))).id).toMatch(uuid);
});

test('the longest name is taken over', async () => {
  const { url } = await startRestApp();
  const id = 'x'.repeat(requestIdCharsMax);
  expect((await ask(url, 'GET', '/v1/kv/key', named(id))).id).toBe(id);
});

test('every request is a line, refused ones too, with its route and name, and without its key and value', async () => {
  const { token, record } = tokenOf({ name: 'app', prefixes: ['the-key'] });
  const { lines, accessLog } = logging({ kind: 'on', slowMs: null });
  const { url, port } = await startRestApp({
    access: await accessOf(rulesOf([record])),
    ...(accessLog && { accessLog }),
  });
  const answers = [
    await ask(url, 'PUT', '/v1/kv/the-key?ttl=60', bearer(token)),
    await ask(url, 'GET', '/v1/kv/the-key', { ...bearer(token), 'x-request-id': 'mine' }),
    await ask(url, 'GET', '/v1/kv?prefix=the-key', bearer(token)),
    await ask(url, 'GET', '/v1/kv/the-key'),
    await ask(url, 'GET', '/the-key/nothing', bearer(token)),
  ];
  // Refused before it is a request of any route.
  const raw = new RawClient(port);
  await raw.ask(Buffer.from('GET /v1/kv/the-key HTTP/1.1\r\n\r\n'), 'GET', true);
  await expect.poll(() => lines.length).toBe(6);
  expect(lines.map(({ level, method, route, status, client }) => [level, method, route, status, client])).toEqual([
    ['info', 'PUT', '/v1/kv/{key}', 201, 'token app'],
    ['info', 'GET', '/v1/kv/{key}', 200, 'token app'],
    ['info', 'GET', '/v1/kv', 200, 'token app'],
    ['info', 'GET', '/v1/kv/{key}', 401, undefined],
    ['info', 'GET', null, 404, 'token app'],
    ['info', 'GET', null, 400, undefined],
  ]);
  expect(lines.slice(0, 5).map(({ requestId }) => requestId)).toEqual(answers.map(({ id }) => id));
  expect(answers.map(({ id }) => id === 'mine' || uuid.test(String(id)))).toEqual(answers.map(() => true));
  expect(answers[1]?.id).toBe('mine');
  expect(lines[1]).toMatchObject({ event: 'request', bytes: 9, address: '127.0.0.1' });
  for (const { ms, totalMs } of lines as { ms?: unknown; totalMs?: unknown }[]) {
    expect(ms).toBeGreaterThan(0);
    expect(totalMs).toBeGreaterThanOrEqual(ms as number);
  }
  expect(JSON.stringify(lines)).not.toMatch(/the-key|the-value/);
  expect(JSON.stringify(lines)).not.toContain(token);
});

test('with `keys` a line has the URL as it came', async () => {
  const { lines, ...options } = logging({ kind: 'keys', slowMs: null });
  const { url } = await startRestApp(options);
  await ask(url, 'PUT', '/v1/kv/a%2Fb?ttl=60');
  await expect.poll(() => lines.length).toBe(1);
  expect(lines[0]).toMatchObject({ url: '/v1/kv/a%2Fb?ttl=60', route: '/v1/kv/{key}' });
  expect(lines[0]?.text).toMatch(/^PUT \/v1\/kv\/a%2Fb\?ttl=60 201 in [\d.]+ ms$/);
});

/** A store that answers each operation so much later. */
function delayed(store: Store, ms: number): Store {
  return {
    execute: async (operation) => {
      await new Promise((resolve) => setTimeout(resolve, ms).unref());
      return store.execute(operation);
    },
    list: () => Promise.reject(new Error('broken')),
    feed: store.feed,
    stop: () => store.stop(),
  };
}

test.each([
  ['off', 1, ['warn']],
  ['on', 1, ['warn']],
  ['off', 3_600_000, []],
  ['on', 3_600_000, ['info']],
] as const)(
  'with the log of requests %s, and slow from %i ms on, an answer after 20 ms is %j',
  async (kind, slowMs, levels) => {
    const { lines, ...options } = logging({ kind, slowMs });
    const { store } = await startPartitionedStore(1);
    const { url } = await startRestAppOver(delayed(store, 20), options);
    const { id } = await ask(url, 'PUT', '/v1/kv/the-key');
    expect(id).toMatch(uuid);
    await expect.poll(() => lines.map(({ level }) => level)).toEqual(levels);
    if (levels[0] === 'warn') {
      expect(lines[0]).toMatchObject({ event: 'slow-request', requestId: id, route: '/v1/kv/{key}', status: 201 });
      expect(lines[0]?.['ms']).toBeGreaterThan(19);
    }
    expect(JSON.stringify(lines)).not.toContain('the-key');
  },
);

test('a client that goes away unanswered is logged as such, and a defect is told with the name of its request', async () => {
  const { lines, ...options } = logging({ kind: 'on', slowMs: null });
  const { store } = await startPartitionedStore(1);
  const { url, defects, executed } = await startRestAppOver(delayed(store, 60_000), options);
  const { status, id } = await ask(url, 'GET', '/v1/kv');
  expect([status, defects]).toEqual([500, [{ error: new Error('broken'), requestId: id }]]);
  const leaving = new AbortController();
  const asked = request(`${url}/v1/kv/the-key`, { signal: leaving.signal }).catch(() => 'left');
  await expect.poll(() => executed.length).toBe(1);
  leaving.abort();
  expect(await asked).toBe('left');
  await expect.poll(() => lines.length).toBe(2);
  expect(lines[1]).toMatchObject({ route: '/v1/kv/{key}', status: null });
  expect(lines[1]?.text).toContain('unanswered');
});
