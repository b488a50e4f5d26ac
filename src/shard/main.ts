/**
 * The shard's entry: one SQLite file behind the wire. It serves the slots that the primary named, and no other
 * slot's rows are ever seen through it.
 */

import { ringOf } from '../partition/ring.ts';
import { MoveParticipant } from '../rebalance/participant.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import { HealthSampler } from '../supervision/health.ts';
import type { Log } from '../supervision/log.ts';
import type { MessageToPrimary, StartShard } from '../supervision/messages.ts';
import { runWorker, type WorkerJob } from '../supervision/worker.ts';
import { frameBytesMaxOf } from '../wire/request-frame.ts';
import { ShardServer } from '../wire/shard-server.ts';
import { executeServed, type Served } from './execution.ts';

/** A step takes about a millisecond: clients are served in between. */
const auditStepRows = 256;

await runWorker<StartShard>('start-shard', begin);

async function begin(start: StartShard, log: Log, tell: (message: MessageToPrimary) => void): Promise<WorkerJob> {
  const { shard, service } = start;
  const health = new HealthSampler();
  const file = new ShardFile(start.file, { service, shard });
  let ring = ringOf(start.topology);
  /**
   * By slot, the epoch at which it came while this process ran. What a router sent before that, by an older ring, may
   * lie unread in a socket while the slot goes away and comes back, and its resend was answered by the other shard.
   */
  const arrivedAtEpoch = new Map<number, number>();
  const serves = (slot: number, epoch: number) =>
    ring.shardOf(slot) === shard && !moves.source.refuses(slot) && epoch >= (arrivedAtEpoch.get(slot) ?? 0);
  const served: Served = {
    epoch: () => ring.epoch,
    serves,
    // A page of all shards is whole only if each has the same ring, and none is just giving slots away.
    isWhole: (epoch) => epoch === ring.epoch && !moves.source.isFrozen,
    owns: (slot) => ring.shardOf(slot) === shard,
    onExecuted: (operation) => moves.source.noteWrite(operation),
  };
  const moves = new MoveParticipant({
    shard,
    transfer: file.transfer,
    ring,
    tell,
    onWireError: (error) => log.error(error, 'a shard broke the protocol of moves'),
  });

  // What a move has to be told of, it leaves alone.
  const sweeper = new Sweeper(file, (slot) => ring.shardOf(slot) === shard && !moves.source.isLeaving(slot));

  const server = new ShardServer({
    shard,
    frameBytesMax: frameBytesMaxOf(start.valueBytesMax),
    lsn: () => file.counters.lsn,
    execute: (requests) => executeServed(requests, file, served),
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
    onCommand: (message) => moves.onCommand(message),
    audit: (id) => {
      const walk = file.audit(ring, shard, 'trusted');
      const step = () => {
        if (walk.step(auditStepRows)) setImmediate(step);
        else tell({ type: 'audit-report', id, ...walk.report(), faults: [...walk.report().faults] });
      };
      step();
    },
    drain: async () => {
      sweeper.stop();
      moves.stop();
      await server.stop();
      file.close();
    },
  };
}
