/**
 * The primary's work on shards, wired: a supervisor that keeps them alive and a rebalancer that moves slots between
 * them hear of one another here. The simulator runs this same cluster.
 */

import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { BatchSize } from '../rebalance/batch-size.ts';
import { ClientFigures } from '../rebalance/client-figures.ts';
import { Rebalancer } from '../rebalance/rebalancer.ts';
import type { RestartPolicy } from '../supervision/child-state.ts';
import { type Roster, Supervisor, type SupervisorListener } from '../supervision/supervisor.ts';
import type { TopologyFile } from './topology-file.ts';

export type ShardClusterOptions = {
  readonly roster: Roster;
  readonly record: TopologyFile;
  readonly shardIds: readonly number[];
  readonly policy: RestartPolicy;
  /** Told before the rebalancer. */
  readonly listeners: readonly SupervisorListener[];
  /** The shard is no more: what lay in its file lies elsewhere. */
  readonly removeFile: (shard: number) => void;
  readonly batchSize?: BatchSize;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
};

export class ShardCluster {
  readonly supervisor: Supervisor;
  readonly rebalancer: Rebalancer;

  constructor(options: ShardClusterOptions) {
    const { record, removeFile, clock, log, batchSize } = options;
    const clients = new ClientFigures(() => this.supervisor.frontends.flatMap(({ health }) => health ?? []), clock);
    const ofRebalancer: SupervisorListener = {
      onState: ({ state, spec }) => {
        if (state !== 'ready') return;
        // Before anybody may ask it: what it has acknowledged must never be missed without a word.
        if (spec.shard !== null) record.files.acknowledge(spec.shard, 0);
        this.rebalancer.onReady();
      },
      onHealth: ({ spec }, { lsn }) => {
        if (spec.shard !== null && lsn !== null) record.files.acknowledge(spec.shard, lsn);
      },
      onDeath: ({ spec }) => {
        if (spec.shard !== null) this.rebalancer.onDeath(spec.shard);
      },
      onFailures: (count) => clients.failed(count),
      onMoveReport: (report) => this.rebalancer.onReport(report),
      onRemoved: (shard) => {
        record.files.forget(shard);
        removeFile(shard);
        this.rebalancer.onRemoved();
      },
    };
    this.supervisor = new Supervisor({
      ...options,
      listeners: [...options.listeners, ofRebalancer],
      ring: () => record.ring,
      lastShard: () => record.nextShardId() - 1,
    });
    const members = this.supervisor;
    this.rebalancer = new Rebalancer({ record, members, clients, clock, log, ...(batchSize && { batchSize }) });
  }

  start(): void {
    this.supervisor.start();
    this.rebalancer.start();
  }

  /** Resolves when every child has ended. */
  async stop(): Promise<void> {
    this.rebalancer.stop();
    await this.supervisor.stop();
  }
}
