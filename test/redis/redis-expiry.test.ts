/** Whose clock decides when a value in Redis expires: Redis's own, whatever the clocks of the clones say. */

import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { RedisServer } from '../support/redis-servers.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { startRestAppOver } from '../support/rest-app.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());

/** In Unix milliseconds. */
async function redisTimeMs(): Promise<number> {
  const [seconds, microseconds] = (await server.ask('TIME')) as [string, string];
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

describe.each([
  ['behind', -10_000],
  ['ahead', 10_000],
])('of a clone whose clock is 10 s %s', (_, clockErrorMs) => {
  let url: string;
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    ({ url } = await startRestAppOver(await openRedisStore([server.node])));
    const realNow = Date.now.bind(Date);
    const spy = vi.spyOn(Date, 'now').mockImplementation(() => realNow() + clockErrorMs);
    onTestFinished(() => spy.mockRestore());
  });

  test('a value lives for its ttl by the clock of Redis, and its expiry is told by that clock', async () => {
    const beforeMs = await redisTimeMs();
    const written = await fetch(`${url}/v1/kv/session?ttl=5`, { method: 'PUT', body: 'here' });
    const afterMs = await redisTimeMs();
    expect(written.status).toBe(201);
    const expiresAtMs = Number(written.headers.get('expires-at'));
    expect(expiresAtMs).toBeGreaterThanOrEqual(beforeMs + 5_000);
    expect(expiresAtMs).toBeLessThanOrEqual(afterMs + 5_000);
    const read = await fetch(`${url}/v1/kv/session`);
    expect([read.status, Number(read.headers.get('expires-at'))]).toEqual([200, expiresAtMs]);
    const left = Number(await server.ask('PTTL', (await valueKeys())[0] as string));
    expect(left).toBeGreaterThan(3_000);
    expect(left).toBeLessThanOrEqual(5_000);
  });

  test('all values of an atomic batch with the same ttl expire together, and a write sent again is told the same', async () => {
    const operations = ['{t}a', '{t}b'].map((key) => ({ op: 'put', key, value: 'here', ttl: 5 }));
    const batch = await fetch(`${url}/v1/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ atomic: true, operations }),
    });
    expect(((await batch.json()) as { results: unknown[] }).results).toMatchObject([{ status: 201 }, { status: 201 }]);
    const [a, b] = await Promise.all(
      ['{t}a', '{t}b'].map(async (key) => (await fetch(urlOf(key))).headers.get('expires-at')),
    );
    expect(a).not.toBeNull();
    expect(b).toBe(a);

    const named = () =>
      fetch(`${urlOf('named')}?ttl=60`, { method: 'PUT', body: 'here', headers: { 'idempotency-key': 'one' } });
    const [first, again] = [await named(), await named()];
    expect(again.headers.get('expires-at')).toBe(first.headers.get('expires-at'));
  });

  test('a time at which to expire stays that time', async () => {
    const expiresAtMs = (await redisTimeMs()) + 60_000;
    await fetch(`${urlOf('until')}?expires-at=${expiresAtMs}`, { method: 'PUT', body: 'here' });
    expect((await fetch(urlOf('until'))).headers.get('expires-at')).toBe(String(expiresAtMs));
  });

  function urlOf(key: string): string {
    return `${url}/v1/kv/${encodeURIComponent(key)}`;
  }
});

async function valueKeys(): Promise<string[]> {
  return (await server.ask('KEYS', '*k:*')) as string[];
}
