/**
 * The shard's entry: one SQLite file behind the wire. It serves the slots that the primary named, and no other
 * slot's rows are ever seen through it.
 */

import type { Outcome } from '../kv/store.ts';
import { ringOf } from '../partition/ring.ts';
import { type ChildWork, liveAsChild } from '../process/child-life.ts';
import { HealthSampler } from '../process/health.ts';
import type { Log } from '../process/log.ts';
import type { MessageToPrimary, StartShard } from '../process/messages.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { type Answer, elsewhere, frameBytesMaxOf, type Request } from '../wire/frame.ts';
import { ShardServer } from '../wire/shard-server.ts';
import { MoveAgent } from './move-agent.ts';

/** A step takes about a millisecond: clients are served in between. */
const auditStepRows = 256;

await liveAsChild<StartShard>('start-shard', begin);

async function begin(start: StartShard, log: Log, tell: (message: MessageToPrimary) => void): Promise<ChildWork> {
  const { shard, service } = start;
  const health = new HealthSampler();
  const file = new ShardFile(start.file, { service, shard });
  let ring = ringOf(start.topology);
  /**
   * By slot, the epoch at which it came while this process ran. What a router sent before that, by an older ring, may
   * lie unread in a socket while the slot goes away and comes back, and its resend was answered by the other shard.
   */
  const arrivedAtEpoch = new Map<number, number>();
  const serves = ({ operation: { slot }, epoch }: Request) =>
    ring.shardOf(slot) === shard && !moves.source.refuses(slot) && epoch >= (arrivedAtEpoch.get(slot) ?? 0);
  const moves = new MoveAgent({
    shard,
    transfer: file.transfer,
    ring,
    tell,
    onWireError: (error) => log.error(error, 'a shard broke the protocol of moves'),
  });

  const server = new ShardServer({
    shard,
    frameBytesMax: frameBytesMaxOf(start.valueBytesMax),
    lsn: () => file.counters.lsn,
    execute: (requests) => executeServed(requests, file, moves, serves),
    onBatch: (requests, durationMs) => health.record(durationMs, requests),
    onWireError: (error) => log.error(error, 'a router broke the wire protocol'),
  });
  await moves.listen(start.moveSocketPath);
  await server.listen(start.socketPath);

  return {
    health: () => health.sample(file.counters),
    adopt: (topology) => {
      const next = ringOf(topology);
      if (next.epoch < ring.epoch) return;
      for (const slot of next.slotsOf(shard)) if (ring.shardOf(slot) !== shard) arrivedAtEpoch.set(slot, next.epoch);
      ring = next;
      moves.adopt(next);
    },
    obey: (message) => moves.obey(message),
    audit: (id) => {
      const walk = file.audit(ring, shard, 'trusted');
      const step = () => {
        if (walk.step(auditStepRows)) setImmediate(step);
        else tell({ type: 'audit-report', id, ...walk.report(), faults: [...walk.report().faults] });
      };
      step();
    },
    drain: async () => {
      moves.stop();
      await server.stop();
      file.close();
    },
  };
}

/** What this shard does not serve is answered `elsewhere`, one by one; the rest is one batch. */
function executeServed(
  requests: readonly Request[],
  file: ShardFile,
  moves: MoveAgent,
  serves: (request: Request) => boolean,
): readonly Answer[] {
  const served = requests.filter(serves);
  const outcomes = file.execute(served);
  // In the same step as the commit: no write may slip between what was copied and what is remembered.
  for (const { operation } of served) moves.source.noteWrite(operation);
  if (served.length === requests.length) return outcomes;
  let next = 0;
  return requests.map((request) => (serves(request) ? (outcomes[next++] as Outcome) : elsewhere));
}
