/**
 * The whole API against the plainest model of it, over a real service whose shards come, go and are killed, and which
 * is ended and started anew, between and during the operations.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyOperation } from '../support/any-operation.ts';
import { listQuery } from '../support/operations.ts';
import { RestStore } from '../support/rest-store.ts';
import { shardctl, startService } from '../support/service.ts';
import { StoreModel } from '../support/store-model.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const operationsWanted = 3_000;
const args = ['--routers', '1', '--healthy-after-ms', '100'];

test('any operations answer as the model does, whatever moves, dies and starts again meanwhile', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['SHARDLITE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`SHARDLITE_SEED=${seed}`);
  const operations = fc.sample(anyOperation, { numRuns: operationsWanted, seed });
  const data = temporaryDirectory();
  let service = await startService({ data, args: ['--shards', '2', ...args] });
  let store = new RestStore(service.url);
  const model = new StoreModel();

  let changing: Promise<void> = Promise.resolve();
  const change = (...request: string[]) => {
    changing = shardctl([...request, '--yes', '--data', data]).then(({ code, stderr }) => {
      expect([code, stderr]).toEqual([0, '']);
    });
  };
  const killSomeShard = async () => {
    const { processes } = await service.status();
    const shards = processes.filter(({ role, state }) => role === 'shard' && state === 'ready');
    const { id } = shards[seed % shards.length] as { id: string };
    await service.kill(id);
  };
  const restart = async (signal: NodeJS.Signals) => {
    await store.stop();
    await service.end(signal);
    service = await startService({ data, args });
    store = new RestStore(service.url);
  };
  /** After so many operations. */
  const disturbances = new Map<number, () => unknown>([
    [200, () => change('add-shard')],
    [300, killSomeShard],
    [700, () => changing],
    [701, () => restart('SIGKILL')],
    [1_000, () => change('remove-shard', '1')],
    [1_100, killSomeShard],
    [1_500, () => changing],
    [1_501, () => restart('SIGTERM')],
    [1_700, () => change('add-shard', '--count', '2')],
    [1_800, killSomeShard],
    [2_400, () => changing],
    [2_500, () => restart('SIGKILL')],
  ]);

  for (const [index, operation] of operations.entries()) {
    await disturbances.get(index)?.();
    const outcome = await store.execute(operation);
    const fault = model.faultOf(operation, outcome, 0);
    expect(fault, `operation ${index}: ${operation.kind}`).toBeUndefined();
    if (index % 100 !== 99) continue;
    const page = await store.list(listQuery({ values: true }));
    const entries = page.kind === 'listing' ? page.entries : [];
    expect(entries.map(({ key }) => key.toString('latin1'))).toEqual(model.listing(listQuery(), 0));
    for (const entry of entries) {
      const { version, contentType, value } = model.held(entry.key.toString('latin1')) ?? {};
      expect(entry).toMatchObject({ version, contentType, value });
    }
  }
  await changing;
  await store.stop();
  const verified = await shardctl(['verify', '--data', data]);
  expect([verified.code, verified.stderr]).toEqual([0, '']);
});
