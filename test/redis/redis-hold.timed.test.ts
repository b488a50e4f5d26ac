/** How long operations wait for a Redis that is gone: within a window, so nothing runs beside this. */

import { expect, onTestFinished, test } from 'vitest';
import { get, head, listQuery, put } from '../support/operations.ts';
import { RedisServer } from '../support/redis-servers.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { Stopwatch } from '../support/stopwatch.ts';

test('five seconds without Redis fail what waits: a write that was never sent was not applied', async () => {
  const server = await RedisServer.start([]);
  onTestFinished(() => server.remove());
  const store = await openRedisStore([server.node]);
  await server.kill();
  while (store.standing.kind === 'serving') await new Promise((resolve) => setTimeout(resolve, 1));
  const [startedAtMs, watch] = [performance.now(), new Stopwatch()];
  const outcomes = await Promise.all([
    store.execute(put('key', 'late')),
    store.execute(head('key')),
    store.list(listQuery()),
  ]);
  expect(performance.now() - startedAtMs).toBeGreaterThan(4_900);
  expect(watch.stop()).toBeLessThan(5_500);
  expect(outcomes).toEqual(Array(3).fill(expect.objectContaining({ kind: 'failed', code: 'store-unavailable' })));
  await server.start();
  expect(await store.execute(get('key'))).toEqual({ kind: 'absent' });
});
