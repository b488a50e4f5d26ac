/** What a token lets its client see and do: that, and nothing else, by whichever way it asks. */

import fc from 'fast-check';
import { request } from 'undici';
import { expect, test } from 'vitest';
import { urlOfKey } from '../../src/http/key-in-url.ts';
import { keyOfText } from '../../src/kv/key.ts';
import { accessOf, bearer, rulesOf, tokenOf } from '../support/access.ts';
import { type RestApp, startRestApp } from '../support/rest-app.ts';

type Answer = { readonly status: number; readonly code: string | undefined; readonly text: string };

async function ask(
  { url }: RestApp,
  token: string | undefined,
  method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE' | 'POST' | 'OPTIONS',
  path: string,
  body?: string,
): Promise<Answer & { readonly headers: Record<string, unknown> }> {
  const headers = { ...(token !== undefined && bearer(token)), ...(body?.startsWith('{') && json) };
  const answer = await request(`${url}${path}`, { method, headers, body: body ?? null });
  const text = await answer.body.text();
  const isProblem = answer.headers['content-type'] === 'application/problem+json';
  const code = isProblem && text !== '' ? (JSON.parse(text) as { code: string }).code : undefined;
  return { status: answer.statusCode, code, text, headers: answer.headers };
}

const json = { 'content-type': 'application/json' };

/** One request of each kind, of the key that is named. */
const everyWay = (key: string) =>
  [
    ['GET', `/v1/kv/${key}`],
    ['HEAD', `/v1/kv/${key}`],
    ['PUT', `/v1/kv/${key}`, 'x'],
    ['PATCH', `/v1/kv/${key}?ttl=60`],
    ['DELETE', `/v1/kv/${key}`],
    ['POST', `/v1/counters/${key}`],
    ['POST', '/v1/batch?atomic=true', JSON.stringify({ operations: [{ op: 'get', key }] })],
    ['POST', '/v1/batch?atomic=true', JSON.stringify({ operations: [{ op: 'put', key, value: 'x' }] })],
  ] as const;

const everyRoute = [
  ...everyWay('key'),
  ['GET', '/v1/kv'],
  ['DELETE', '/v1/kv?prefix=key'],
  ['GET', '/v1/changes'],
  ['GET', '/v1/topology'],
  ['GET', '/nothing'],
  ['OPTIONS', '/v1/kv/key'],
] as const;

test('without a token, or with a wrong one, no request gets further than to a 401 that says what is needed', async () => {
  const { record } = tokenOf();
  const app = await startRestApp({ access: await accessOf(rulesOf([record])) });
  for (const [method, path, body] of everyRoute) {
    const bare = await ask(app, undefined, method, path, body);
    expect([method, path, bare.status, bare.headers['www-authenticate']]).toEqual([
      method,
      path,
      401,
      'Bearer realm="shardlite"',
    ]);
    const wrong = await ask(app, tokenOf().token, method, path, body);
    expect([method, path, wrong.status, wrong.headers['www-authenticate']]).toEqual([
      method,
      path,
      401,
      'Bearer realm="shardlite", error="invalid_token"',
    ]);
    if (method !== 'HEAD') expect([bare.code, wrong.code]).toEqual(['token-required', 'token-invalid']);
  }
  expect(app.executed).toEqual([]);
});

test('health, the page of the API and its document are there for everybody', async () => {
  const app = await startRestApp({ access: await accessOf(rulesOf([])) });
  for (const path of ['/livez', '/readyz', '/', '/docs', '/docs/reference.css', '/openapi.json']) {
    const status = path === '/' ? 302 : 200;
    expect((await ask(app, undefined, 'GET', path)).status).toBe(status);
    expect((await ask(app, 'wrong', 'HEAD', `${path}?x`)).status).toBe(status);
  }
  for (const path of ['/livez/', '/livez;/../v1/topology', '/livez%3f/../v1/topology', '//livez']) {
    expect([path, (await ask(app, undefined, 'GET', path)).status]).toEqual([path, 401]);
  }
});

test('a page of an allowed origin asks without a token, and may send one and read why it was refused', async () => {
  const { record } = tokenOf();
  const origin = 'https://app.example';
  const app = await startRestApp({ access: await accessOf(rulesOf([record])), allowedOrigins: [origin] });
  const asked = await request(`${app.url}/v1/kv/key`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' },
  });
  expect([asked.statusCode, asked.headers['access-control-allow-headers']]).toEqual([
    204,
    expect.stringContaining('authorization'),
  ]);
  const refused = await request(`${app.url}/v1/kv/key`, { headers: { origin } });
  expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([401, origin]);
  expect(refused.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
});

test('a token does what it allows, and is refused all else with a 403', async () => {
  const [reader, writer, both] = [
    tokenOf({ name: 'reader', write: false, prefixes: ['own/'] }),
    tokenOf({ name: 'writer', read: false, prefixes: ['own/'] }),
    tokenOf({ name: 'both', prefixes: ['own/', 'shared/'] }),
  ];
  const app = await startRestApp({
    access: await accessOf(rulesOf([reader, writer, both].map(({ record }) => record))),
  });
  const statuses = async (token: string, key: string) => {
    const answers = [];
    for (const [method, path, body] of everyWay(key)) answers.push((await ask(app, token, method, path, body)).status);
    return answers;
  };
  //                                                    GET  HEAD PUT PATCH DEL  POST get  put
  expect(await statuses(both.token, 'own/a')).toEqual([404, 404, 201, 204, 204, 200, 200, 200]);
  expect(await statuses(both.token, 'shared/a')).toEqual([404, 404, 201, 204, 204, 200, 200, 200]);
  expect(await statuses(both.token, 'other/a')).toEqual([403, 403, 403, 403, 403, 403, 403, 403]);
  expect(await statuses(reader.token, 'own/b')).toEqual([404, 404, 403, 403, 403, 403, 200, 403]);
  expect(await statuses(writer.token, 'own/b')).toEqual([403, 403, 201, 204, 204, 403, 403, 200]);
  const denied = await ask(app, reader.token, 'PUT', '/v1/kv/own/b', 'x');
  expect([denied.code, denied.headers['www-authenticate']]).toEqual([
    'access-denied',
    'Bearer realm="shardlite", error="insufficient_scope"',
  ]);
  expect((await ask(app, reader.token, 'GET', '/v1/topology')).status).toBe(200);
});

test('in a batch each operation is allowed or denied by itself; an atomic one with one that is denied does nothing', async () => {
  const { token, record } = tokenOf({ prefixes: ['{own}/'] });
  const app = await startRestApp({ access: await accessOf(rulesOf([record])) });
  const operations = [
    { op: 'put', key: '{own}/a', value: '1' },
    { op: 'put', key: '{own}x', value: '1' },
    { op: 'get', key: '{own}/a' },
    { op: 'get', key: 'other' },
  ];
  const single = await ask(app, token, 'POST', '/v1/batch', JSON.stringify({ operations }));
  const { results } = JSON.parse(single.text) as { results: { status: number; code?: string }[] };
  expect(results.map(({ status }) => status)).toEqual([201, 403, 200, 403]);
  expect(results[1]?.code).toBe('access-denied');
  const writes = app.executed.length;
  const atomic = { atomic: true, operations: [{ op: 'put', key: '{own}/b', value: '1' }, operations[1]] };
  expect(await ask(app, token, 'POST', '/v1/batch', JSON.stringify(atomic))).toMatchObject({
    status: 403,
    code: 'access-denied',
  });
  expect(app.executed.length).toBe(writes);
  expect((await ask(app, token, 'GET', '/v1/kv/%7Bown%7D/b')).status).toBe(404);
});

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), minLength: 1, maxLength: 4 });

test('the pages of a listing together are what the token may see, in order, each key once', async () => {
  const all = tokenOf({ name: 'all' });
  const access = await accessOf(rulesOf([all.record]));
  const app = await startRestApp({ access });
  const written = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(letters, { maxLength: 8 }),
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.record({
        prefix: fc.oneof(fc.constant(''), letters),
        limit: fc.integer({ min: 1, max: 5 }),
        values: fc.boolean(),
        reverse: fc.boolean(),
      }),
      async (keys, prefixes, { prefix, limit, values, reverse }) => {
        const some = tokenOf({ name: 'some', prefixes, write: false });
        await access.adopt(rulesOf([all.record, some.record]));
        for (const key of keys) {
          expect((await ask(app, all.token, 'PUT', `/v1/kv/${urlOfKey(keyOfText(key))}`, 'x')).status).toBeLessThan(
            300,
          );
          written.add(key);
        }
        const seen = [];
        for (let cursor: string | null = ''; cursor !== null; ) {
          const query = new URLSearchParams({
            limit: `${limit}`,
            values: `${values}`,
            reverse: `${reverse}`,
            ...(cursor === '' ? { prefix } : { prefix, cursor }),
          });
          const { text } = await ask(app, some.token, 'GET', `/v1/kv?${query}`);
          const page = JSON.parse(text) as { entries: { key: string }[]; next: string | null };
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          seen.push(...page.entries.map(({ key }) => key));
          cursor = page.next;
        }
        const mine = [...written].filter(
          (key) => key.startsWith(prefix) && prefixes.some((one) => key.startsWith(one)),
        );
        const sorted = mine.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(seen).toEqual(reverse ? sorted.reverse() : sorted);
      },
    ),
    { numRuns: 60 },
  );
});

test('with a delimiter, folders begin at the prefixes of the token', async () => {
  const [all, some] = [tokenOf({ name: 'all' }), tokenOf({ name: 'some', prefixes: ['users/ada/', 'users/bob', 'z'] })];
  const app = await startRestApp({ access: await accessOf(rulesOf([all.record, some.record])) });
  for (const key of [
    'users/ada/a/1',
    'users/ada/a/2',
    'users/ada/b',
    'users/bob/x',
    'users/bobby',
    'users/cy',
    'z',
    'zz/1',
  ]) {
    await ask(app, all.token, 'PUT', `/v1/kv/${key}`, 'x');
  }
  const { text } = await ask(app, some.token, 'GET', '/v1/kv?delimiter=/');
  const { entries } = JSON.parse(text) as { entries: { key?: string; prefix?: string }[] };
  expect(entries.map(({ key, prefix }) => key ?? `folder ${prefix}`)).toEqual([
    'folder users/ada/a/',
    'users/ada/b',
    'folder users/bob/',
    'users/bobby',
    'z',
    'folder zz/',
  ]);
  expect((await ask(app, some.token, 'GET', '/v1/kv?prefix=users/c')).text).toBe('{"entries":[],"next":null}');
});

test('a client that watches hears of its own keys alone, and of nothing once its token is revoked', async () => {
  const [own, all] = [tokenOf({ name: 'own', prefixes: ['own/'], write: false }), tokenOf({ name: 'all' })];
  const access = await accessOf(rulesOf([own.record, all.record]));
  const app = await startRestApp({ access });
  const stream = await request(`${app.url}/v1/changes`, { headers: bearer(own.token) });
  let heard = '';
  stream.body.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  const ended = new Promise((resolve) => stream.body.once('end', resolve));
  const write = (key: string) => ask(app, all.token, 'PUT', `/v1/kv/${key}`, 'x');
  await write('other/secret');
  await write('own/first');
  await expect.poll(() => heard).toContain('own/first');
  await access.adopt(rulesOf([all.record]));
  await write('own/second');
  await ended;
  expect(heard).not.toContain('secret');
  expect(heard).not.toContain('second');
});

test('a stream of all pages breaks off when its token is revoked', async () => {
  const { token, record } = tokenOf();
  const access = await accessOf(rulesOf([record]));
  const app = await startRestApp({ access });
  const value = 'x'.repeat(100_000);
  for (let n = 0; n < 100; n++) await ask(app, token, 'PUT', `/v1/kv/${n}`, value);
  const stream = await request(`${app.url}/v1/kv?values=true`, {
    headers: { ...bearer(token), accept: 'application/x-ndjson' },
  });
  await access.adopt(rulesOf([]));
  await expect(stream.body.text()).rejects.toThrow();
});

test('a token is let in until it expires or is revoked, on a connection that is open as well', async () => {
  const lasting = tokenOf({ name: 'lasting' });
  const access = await accessOf(rulesOf([lasting.record]));
  const app = await startRestApp({ access });
  const brief = tokenOf({ name: 'brief', expiresAtMs: Date.now() + 3_000 });
  await access.adopt(rulesOf([brief.record, lasting.record]));
  const status = async (token: string) => (await ask(app, token, 'GET', '/v1/kv/key')).status;
  expect([await status(brief.token), await status(lasting.token)]).toEqual([404, 404]);
  await expect.poll(() => status(brief.token)).toBe(401);
  expect(await status(lasting.token)).toBe(404);
  await access.adopt(rulesOf([brief.record]));
  expect(await status(lasting.token)).toBe(401);
  await access.adopt({ ...rulesOf([]), isLocked: false });
  expect(await status('')).toBe(404);
});
