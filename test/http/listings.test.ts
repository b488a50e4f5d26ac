/** `GET /v1/kv`: where a page begins, in which direction it goes, and how it leads to the next one. */

import { expect, test } from 'vitest';
import { type RestApp, startRestApp } from '../support/rest-app.ts';

const keys = ['a', 'b/1', 'b/2', 'b/3', 'c', 'd'];

async function appWithKeys(): Promise<RestApp> {
  const app = await startRestApp();
  for (const key of keys) await fetch(`${app.url}/v1/kv/${key}`, { method: 'PUT', body: key });
  return app;
}

type Page = { readonly entries: { readonly key?: string; readonly prefix?: string }[] };

/** What all pages have, each led to by the one before. */
async function followed({ url }: RestApp, query: string): Promise<string[]> {
  const names: string[] = [];
  for (let path: string | undefined = `/v1/kv?${query}`; path !== undefined; ) {
    // A page says by its cursor where the next one begins, and by nothing else.
    if (path.includes('cursor')) expect(path).not.toContain('start');
    const answer: Response = await fetch(`${url}${path}`);
    expect(answer.status).toBe(200);
    names.push(...((await answer.json()) as Page).entries.map(({ key, prefix }) => key ?? (prefix as string)));
    path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return names;
}

test.each([
  ['limit=2', keys],
  ['limit=2&reverse=true', keys.toReversed()],
  ['limit=2&reverse=false', keys],
  ['limit=1&start=b/2', ['b/2', 'b/3', 'c', 'd']],
  ['limit=1&start=b', ['b/1', 'b/2', 'b/3', 'c', 'd']],
  ['limit=1&start-after=b/2', ['b/3', 'c', 'd']],
  ['limit=1&start=b/2&reverse=true', ['b/2', 'b/1', 'a']],
  ['limit=1&start=bb&reverse=true', ['b/3', 'b/2', 'b/1', 'a']],
  ['limit=1&start-after=b/2&reverse=true', ['b/1', 'a']],
  ['limit=1&prefix=b/&start=b/2&reverse=true', ['b/2', 'b/1']],
  ['limit=1&prefix=b/&start=c&reverse=true', ['b/3', 'b/2', 'b/1']],
  ['limit=1&delimiter=/&start=b/2', ['b/', 'c', 'd']],
  ['limit=1&delimiter=/&reverse=true', ['d', 'c', 'b/', 'a']],
  [`key-encoding=base64url&start=${Buffer.from('b/3').toString('base64url')}`, ['b/3', 'c', 'd']],
])('the pages that begin with %s lead to %j', async (query, names) => {
  expect(await followed(await appWithKeys(), query)).toEqual(names);
});

test('a stream of lines goes backwards, too', async () => {
  const { url } = await appWithKeys();
  const answer = await fetch(`${url}/v1/kv?reverse=true&start=c`, { headers: { accept: 'application/x-ndjson' } });
  const lines = (await answer.text()).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(['c', 'b/3', 'b/2', 'b/1', 'a']);
});

test.each(['start=a&start-after=a', 'reverse=yes', `start=${'k'.repeat(1_025)}`])('%s is refused', async (query) => {
  const { url, executed } = await startRestApp();
  const answer = await fetch(`${url}/v1/kv?${query}`);
  expect(await answer.json()).toMatchObject({ status: 400, code: 'parameter-invalid' });
  expect(executed).toEqual([]);
});
