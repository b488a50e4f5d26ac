/**
 * The shard's entry: one SQLite file behind the wire. It serves the slots that the primary named, and no other
 * slot's rows are ever seen through it.
 */

import type { FailedOutcome, Outcome } from '../kv/store.ts';
import { type Ring, ringOf } from '../partition/ring.ts';
import { type ChildWork, liveAsChild } from '../process/child-life.ts';
import { HealthSampler } from '../process/health.ts';
import type { Log } from '../process/log.ts';
import type { StartShard } from '../process/messages.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { frameBytesMaxOf, type Request } from '../wire/frame.ts';
import { ShardServer } from '../wire/shard-server.ts';

await liveAsChild<StartShard>('start-shard', begin);

async function begin(start: StartShard, log: Log): Promise<ChildWork> {
  const { shard, service } = start;
  const health = new HealthSampler();
  const file = new ShardFile(start.file, { service, shard });
  let ring = ringOf(start.topology);

  const server = new ShardServer({
    shard,
    frameBytesMax: frameBytesMaxOf(start.valueBytesMax),
    lsn: () => file.counters.lsn,
    execute: (requests) => executeOwned(file, ring, shard, requests),
    onBatch: (requests, durationMs) => health.record(durationMs, requests),
    onWireError: (error) => log.error(error, 'a router broke the wire protocol'),
  });
  await server.listen(start.socketPath);

  return {
    health: () => health.sample(file.counters),
    adopt: (topology) => {
      ring = ringOf(topology);
    },
    drain: async () => {
      await server.stop();
      file.close();
    },
  };
}

/** Requests for slots of other shards are refused, one by one; the rest is one batch. */
function executeOwned(file: ShardFile, ring: Ring, shard: number, requests: readonly Request[]): readonly Outcome[] {
  const owned = requests.filter(({ operation }) => ring.shardOf(operation.slot) === shard);
  const outcomes = file.execute(owned);
  if (owned.length === requests.length) return outcomes;
  let next = 0;
  return requests.map(({ operation }) =>
    ring.shardOf(operation.slot) === shard ? (outcomes[next++] as Outcome) : notOwned(shard, operation.slot),
  );
}

function notOwned(shard: number, slot: number): FailedOutcome {
  return { kind: 'failed', code: 'shard-unavailable', detail: `Shard ${shard} does not own slot ${slot} any more.` };
}
