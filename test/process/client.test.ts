/** What `connect` promises: while shards are killed, slots move and routers are replaced, not one error reaches the caller. */

import { expect, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { allOf } from '../support/all-of.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keysThere = Array.from({ length: 1_000 }, (_, index) => `there/${String(index).padStart(4, '0')}`);

test('no error reaches a caller while shards and routers are killed and slots move, and nothing is done twice', {
  timeout: 120_000,
}, async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '2', '--healthy-after-ms', '100'] });
  const kv = connect(service.url);
  await kv.batch(keysThere.map((key) => ({ op: 'put', key, value: { key } }) as const));

  let isOver = false;
  let calls = 0;
  const errors: unknown[] = [];
  /** One caller after the other, until the end; each call that fails is remembered. */
  const caller = async (call: (turn: number) => Promise<unknown>) => {
    for (let turn = 0; !isOver; turn++, calls++) await call(turn).catch((error) => errors.push(error));
    return undefined;
  };
  const counted = new Map<string, number>();
  const adder = (key: string) =>
    caller(async () => {
      counted.set(key, (counted.get(key) ?? 0) + 1);
      await kv.increment(key);
    });
  const over = new AbortController();
  const heard = new Set<string>();
  let watching: Promise<void> | undefined;
  await new Promise<void>((resolve) => {
    watching = (async () => {
      const options = { prefix: 'own/', signal: over.signal, onPosition: () => resolve() };
      for await (const { key, version } of kv.changes(options)) heard.add(`${key} ${version}`);
    })();
  });
  const told: string[] = [];
  const callers = [
    ...['counter/a', 'counter/a', 'counter/b'].map(adder),
    ...[0, 1, 2, 3].map((client) =>
      caller(async (turn) => {
        const key = `own/${client}-${turn % 25}`;
        const { version } = await kv.put(key, turn);
        told.push(`${key} ${version}`);
        const read = await kv.get(key);
        if (read !== turn) throw new Error(`${key} is ${read}, and was written as ${turn}`);
        if (turn % 3 === 0) await kv.delete(key, { ifPresent: true });
      }),
    ),
    ...[0, 1].map(() => caller(() => kv.update<number>('shared', (sum = 0) => sum + 1))),
    caller(async (turn) => {
      const increments = Array.from({ length: 20 }, (_, index) => `counter/batch-${(turn + index) % 40}`);
      for (const key of increments) counted.set(key, (counted.get(key) ?? 0) + 1);
      const results = await kv.batch(increments.map((key) => ({ op: 'increment', key }) as const));
      for (const result of results) if (!result.ok) throw result.error;
    }),
    caller(async () => {
      const keys = (await allOf(kv.list({ prefix: 'there/', pageSize: 99 }))).map(({ key }) => key);
      if (JSON.stringify(keys) !== JSON.stringify(keysThere)) throw new Error(`${keys.length} keys were listed`);
    }),
  ];

  const change = async (...args: string[]) => {
    const { code, stderr } = await shardctl([...args, '--yes', '--data', data]);
    expect([code, stderr]).toEqual([0, '']);
  };
  const kill = async (id: string) => {
    const { restarts } = await service.processStatus(id);
    await service.kill(id);
    await service.until(id, (status) => status.restarts > restarts && status.state === 'ready');
  };
  const adding = change('add-shard');
  await kill('shard-1');
  await kill('router-1');
  await adding;
  await kill('shard-3');
  const removing = change('remove-shard', '1');
  await kill('shard-2');
  await kill('router-2');
  await removing;
  isOver = true;
  await Promise.all(callers);

  expect(errors).toEqual([]);
  for (const [key, count] of counted) expect([key, await kv.get(key)]).toEqual([key, String(count)]);
  await expect.poll(() => told.filter((one) => !heard.has(one)), { timeout: 30_000 }).toEqual([]);
  over.abort();
  await watching;
  console.log(`${calls} calls, ${told.length} writes heard of, none failed`);
});
