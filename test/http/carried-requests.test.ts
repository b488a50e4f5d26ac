/** Whatever a client asks, its request is carried to a shard or answered with an error: no connection to a shard ends. */

import fc from 'fast-check';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

test.each([
  '1:9999999999999999,2:9999999999999999;2',
  '1:9007199254740992;3',
  '0:1;3',
  '65536:1;3',
  '99999:1;3',
  '1:1;65536',
  '1:1;99999',
])('the position %s, which no event ever had, is refused and costs nobody a connection', async (position) => {
  const { url, wireErrors } = await startRestApp();
  for (const init of [{ headers: { 'last-event-id': position } }, {}]) {
    const query = 'headers' in init ? '' : `?last-event-id=${encodeURIComponent(position)}`;
    const answer = await fetch(`${url}/v1/changes${query}`, init);
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'parameter-invalid' }]);
  }
  expect((await fetch(`${url}/v1/kv/key`)).status).toBe(404);
  expect(wireErrors()).toEqual([]);
});

const digits = fc.oneof(
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.constantFrom(0n, 1n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n),
);
const number = digits.map(String);
const text = fc.oneof(
  number,
  fc.string({ maxLength: 20, unit: 'grapheme' }),
  fc.nat(3_000).map((length) => 'x'.repeat(length)),
);
const place = fc.tuple(number, number, fc.option(number)).map(([id, lsn, n]) => `${id}:${lsn}${n ? `+${n}` : ''}`);
const position = fc
  .tuple(fc.array(place, { maxLength: 4 }), number)
  .map(([places, last]) => `${places.join()};${last}`);
const cursor = fc
  .tuple(fc.constantFrom('k', 'p', ''), fc.nat(1_400))
  .map(([kind, length]) => kind + 'A'.repeat(length));
const tags = fc
  .array(
    fc.oneof(
      number.map((one) => `"${one}"`),
      fc.constant('*'),
    ),
    { maxLength: 40 },
  )
  .map((all) => all.join(', '));
const header = tags.filter((one) => one !== '');

const queryOf = (fields: Record<string, fc.Arbitrary<string>>) =>
  fc.record(fields, { requiredKeys: [] }).map((values) =>
    Object.entries(values)
      .map(([name, one]) => `${name}=${encodeURIComponent(one ?? '')}`)
      .join('&'),
  );
const headersOf = (fields: Record<string, fc.Arbitrary<string>>) =>
  fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;
const guards = headersOf({ 'if-match': header, 'if-none-match': header, 'idempotency-key': number });
const keyPath = fc.oneof(
  fc.nat(1_100).map((length) => 'k'.repeat(length)),
  text.map((one) => encodeURIComponent(one)),
);

const operation = fc.record(
  {
    op: fc.constantFrom('get', 'put', 'touch', 'delete', 'increment'),
    key: fc.oneof(
      fc.constant('{a}'),
      fc.nat(1_100).map((length) => `{a}${'k'.repeat(length)}`),
    ),
    value: text,
    ttl: digits.map(Number),
    expiresAt: number,
    by: number,
    contentType: fc.oneof(text, fc.constant('text/€')),
    ifMatch: header,
    ifNoneMatch: header,
  },
  { requiredKeys: ['op', 'key'] },
);
const json = { 'content-type': 'application/json' };
const batch = fc
  .record({ operations: fc.array(operation, { maxLength: 5 }), atomic: fc.boolean() })
  .map((document) => ({ method: 'POST', path: '/v1/batch', headers: json, body: JSON.stringify(document) }));

const requests: fc.Arbitrary<{ method: string; path: string; headers: Record<string, string>; body?: string }> =
  fc.oneof(
    fc
      .tuple(
        queryOf({ 'last-event-id': fc.oneof(position, text), prefix: text }),
        headersOf({ 'last-event-id': position }),
      )
      .map(([query, headers]) => ({ method: 'GET', path: `/v1/changes?${query}`, headers })),
    queryOf({
      prefix: text,
      start: text,
      'start-after': text,
      reverse: fc.constant('true'),
      cursor: fc.oneof(cursor, text),
      limit: number,
      delimiter: text,
    }).map((query) => ({
      method: 'GET',
      path: `/v1/kv?${query}`,
      headers: {},
    })),
    fc
      .tuple(keyPath, guards, fc.constantFrom('GET', 'HEAD', 'DELETE'))
      .map(([key, headers, method]) => ({ method, path: `/v1/kv/${key}`, headers })),
    fc
      .tuple(keyPath, guards, queryOf({ ttl: number, 'expires-at': fc.oneof(number, fc.constant('never')) }))
      .map(([key, headers, query]) => ({ method: 'PATCH', path: `/v1/kv/${key}?${query}`, headers })),
    fc.tuple(keyPath, guards, queryOf({ ttl: number, 'expires-at': number })).map(([key, headers, query]) => ({
      method: 'PUT',
      path: `/v1/kv/${key}?${query}`,
      headers,
      body: 'value',
    })),
    fc
      .tuple(keyPath, guards, queryOf({ by: number, ttl: number }))
      .map(([key, headers, query]) => ({ method: 'POST', path: `/v1/counters/${key}?${query}`, headers })),
    batch,
    // Among so much that is wrong, some writes of new keys.
    fc.uuid().map((key) => ({ method: 'PUT', path: `/v1/kv/${key}`, headers: {}, body: 'value' })),
  );

test('3,000 generated requests with every kind of number and length never end a connection to a shard', async () => {
  const { url, defects, wireErrors } = await startRestApp();
  const pool = new Pool(url, { connections: 16 });
  const statuses = new Map<number, number>();
  const ask = async ({
    body = null,
    ...request
  }: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body?: string | null;
  }) => {
    const answer = await pool.request({ ...request, method: request.method as 'GET', body });
    statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
    // A stream of events has no end.
    answer.body.on('error', () => {});
    if (request.path.startsWith('/v1/changes') && answer.statusCode === 200) answer.body.destroy();
    else await answer.body.dump();
    expect([request, answer.statusCode < 500]).toEqual([request, true]);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: 10, maxLength: 10 }), async (several) => {
      await Promise.all(several.map(ask));
      expect([wireErrors(), defects]).toEqual([[], []]);
    }),
    { numRuns: 300 },
  );
  // It is worth something only if requests of all kinds came through.
  for (const status of [200, 201, 204, 400, 404, 412]) expect(statuses.get(status) ?? 0).toBeGreaterThan(0);
  await pool.destroy();
});
