/** What a client hears that makes too many requests, and that nobody else suffers for it. */

import { request } from 'undici';
import { expect, test } from 'vitest';
import { accessOf, bearer, rulesOf, signerOf, tokenOf } from '../support/access.ts';
import { startRestApp } from '../support/rest-app.ts';

const limit = { requests: 3, windowS: 3_600 };

async function ask(url: string, token?: string, path = '/v1/kv/key', method: 'GET' | 'PUT' | 'HEAD' = 'GET') {
  const answer = await request(`${url}${path}`, {
    method,
    headers: token === undefined ? {} : bearer(token),
    body: method === 'PUT' ? 'x' : null,
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

test('every answer says how many requests are left, also one that leaves the short way; beyond them it is 429', async () => {
  const { url, executed } = await startRestApp({ rateLimit: limit });
  const answers = [
    await ask(url, undefined, '/v1/kv/key', 'PUT'),
    await ask(url),
    await ask(url, undefined, '/nothing'),
    await ask(url),
    await ask(url, undefined, '/v1/kv/key', 'PUT'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 404, 429, 429]);
  expect(answers.map(({ headers }) => headers['ratelimit'])).toEqual([
    '"default";r=2;t=1200',
    '"default";r=1;t=2400',
    '"default";r=0;t=3600',
    '"default";r=0;t=1200',
    '"default";r=0;t=1200',
  ]);
  expect(answers.map(({ headers }) => headers['ratelimit-policy'])).toEqual(answers.map(() => '"default";q=3;w=3600'));
  expect(answers.map(({ headers }) => headers['retry-after'])).toEqual([
    undefined,
    undefined,
    undefined,
    '1200',
    '1200',
  ]);
  expect(JSON.parse(answers[3]?.text ?? '')).toMatchObject({ status: 429, code: 'rate-exceeded' });
  expect(executed.length).toBe(2);
  for (const path of ['/livez', '/readyz', '/', '/docs', '/docs/reference.css', '/openapi.json']) {
    expect((await ask(url, undefined, path)).status).toBe(path === '/' ? 302 : 200);
  }
});

test('each token and each subject has requests of its own; those without one share those of their address', async () => {
  const signer = await signerOf('ES256');
  const [one, other] = [tokenOf({ name: 'one' }), tokenOf({ name: 'other' })];
  const keys = JSON.stringify({ keys: [signer.jwk] });
  const rules = rulesOf([one.record, other.record], { keys, audiences: [] });
  const { url } = await startRestApp({ rateLimit: limit, access: await accessOf(rules) });
  const statuses = async (...tokens: (string | undefined)[]) => {
    const answers = [];
    for (const token of tokens) answers.push((await ask(url, token)).status);
    return answers;
  };
  const jwtOf = (sub: string, n: number) => signer.sign({ sub, scope: 'kv:read', jti: `${n}` });
  expect(await statuses(one.token, one.token, one.token, one.token)).toEqual([404, 404, 404, 429]);
  expect(await statuses(other.token)).toEqual([404]);
  const adas = await Promise.all([1, 2, 3, 4].map((n) => jwtOf('ada', n)));
  expect(await statuses(...adas)).toEqual([404, 404, 404, 429]);
  const bobs = await jwtOf('bob', 1);
  expect(await statuses(bobs)).toEqual([404]);
  expect(await statuses(undefined, tokenOf().token, 'forged', undefined, 'forged')).toEqual([401, 401, 401, 429, 429]);
  // Whoever guesses at the same address is stopped; who is known goes on, and who is new there has to wait.
  expect(await statuses(other.token, bobs, await jwtOf('eve', 1))).toEqual([404, 404, 429]);
});
