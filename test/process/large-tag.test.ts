/**
 * One hash tag may have most rows of a shard, and may be written all the time: it moves all the same.
 * `TAG_ROWS=1500000 npx vitest run test/process/large-tag` is the same with more rows, and says what others felt.
 */

import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { firstRing } from '../../src/partition/ring.ts';
import { keysOfShard } from '../support/keys-of-shard.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const rows = Number(process.env['TAG_ROWS'] ?? 20_000);
const value = 'x'.repeat(100);

test(`a tag of ${rows} rows leaves its shard while it is written, within a minute`, async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const pool = new Pool(service.url, { connections: 16 });
  onTestFinished(() => pool.destroy());
  const ask = async (method: 'GET' | 'PUT' | 'POST', path: string, body?: string) => {
    const headers = { 'content-type': method === 'POST' ? 'application/json' : 'text/plain' };
    const answer = await pool.request({ method, path, headers, body: body ?? null });
    await answer.body.dump();
    expect(answer.statusCode).toBeLessThan(400);
  };

  const ring = firstRing(
    new Map([
      [1, 1],
      [2, 1],
    ]),
  ).describe();
  const [tag] = keysOfShard(ring, 2, 1, 'tag');
  const rowOf = (index: number) => `{${tag}}row-${index}`;
  let loaded = 0;
  const load = async () => {
    while (loaded < rows) {
      const first = loaded;
      loaded += 1_000;
      const operations = Array.from({ length: 1_000 }, (_, index) => ({ op: 'put', key: rowOf(first + index), value }));
      await ask('POST', '/v1/batch', JSON.stringify({ operations }));
    }
  };
  await Promise.all([load(), load()]);
  const others = [1, 2].flatMap((shard) => keysOfShard(ring, shard, 50, 'other'));
  for (const key of others) await ask('PUT', `/v1/kv/${key}`, value);

  let isOver = false;
  const latenciesMs: number[] = [];
  const every10Ms = async (work: (turn: number) => Promise<void>) => {
    const under: Promise<void>[] = [];
    for (let turn = 0; !isOver; turn++) {
      under.push(work(turn));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await Promise.all(under);
  };
  const clients = [
    every10Ms((turn) => ask('PUT', `/v1/kv/${encodeURIComponent(rowOf((turn * 7_919) % rows))}`, `${value}${turn}`)),
    every10Ms(async (turn) => {
      const beganAtMs = performance.now();
      await ask(
        turn % 2 === 0 ? 'GET' : 'PUT',
        `/v1/kv/${others[turn % others.length]}`,
        turn % 2 === 0 ? undefined : value,
      );
      latenciesMs.push(performance.now() - beganAtMs);
    }),
  ];

  const beganAtMs = performance.now();
  const removed = await shardctl(['remove-shard', '2', '--yes', '--data', service.data]);
  const tookMs = performance.now() - beganAtMs;
  isOver = true;
  await Promise.all(clients);

  expect([removed.code, removed.stderr]).toEqual([0, '']);
  latenciesMs.sort((a, b) => a - b);
  const p99Ms = latenciesMs[Math.floor(latenciesMs.length * 0.99)] as number;
  if (process.env['TAG_ROWS']) {
    console.log({ rows, tookMs, p99Ms, worstMs: latenciesMs.at(-1) });
    expect(p99Ms).toBeLessThan(50);
  }
  expect(tookMs).toBeLessThan(60_000);
  const verified = await shardctl(['verify', '--data', service.data]);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('Every row is where it belongs.')]);
}, 600_000);
