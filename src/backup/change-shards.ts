/**
 * Brings a data directory that nobody serves to another number of shards, by the same moves as in a running service: its
 * shards are forked, and nobody listens to clients.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { DataDirectory } from '../config/data-directory.ts';
import { valueBytesLargest } from '../config/service-config.ts';
import { systemClock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { forkShard } from '../primary/forks.ts';
import { shardsRosterOf } from '../primary/roster.ts';
import { ShardCluster } from '../primary/shard-cluster.ts';
import { checkFiles } from '../primary/take-directory.ts';
import { TopologyFile } from '../primary/topology-file.ts';
import type { ChangeRequest } from '../rebalance/topology-change.ts';
import { defaultRestartPolicy } from '../supervision/child-state.ts';
import { BackupRefused } from './manifest.ts';

/** What is wrong, the change says when it ends. */
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

const pollIntervalMs = 50;
/** Below, moves may wait for room without end: as much as a write-ahead log takes. */
const roomMiBMin = 16;

/** @throws BackupRefused when a shard does not start, or slots do not move */
export async function changeShards(directory: DataDirectory, shards: number): Promise<void> {
  const record = new TopologyFile(directory.metaFile, { shards, strategy: 'partitioned', store: 'sqlite' });
  try {
    if (shards === record.weights().size && record.openChanges().length === 0) return;
    record.adoptStrategy('partitioned');
    const cluster = new ShardCluster({
      roster: {
        frontends: () => [],
        ...shardsRosterOf({
          directory,
          service: record.service,
          files: record.files,
          time: checkFiles(directory, record, silent),
          forkShard: () => forkShard([]),
          valueBytesMax: valueBytesLargest,
          // Standard output belongs to the command.
          log: () => ({ level: 'silent', files: null }),
        }),
      },
      record,
      shardIds: [...record.weights().keys()],
      // Whatever ends a process here ends the next one, too.
      policy: { ...defaultRestartPolicy, deathsMax: 0 },
      listeners: [],
      removeFile: (shard) => directory.removeShardFile(shard),
      clock: systemClock,
      log: silent,
      random: Math.random,
    });
    cluster.start();
    try {
      const wait = async () => {
        checkHope(cluster, directory);
        await sleep(pollIntervalMs);
      };
      await endOpenChanges(cluster, record, wait);
      for (const request of changesTo(shards, [...record.weights().keys()])) {
        await carryOut(request, cluster, record, wait);
      }
    } finally {
      await cluster.stop();
    }
  } finally {
    record.close();
  }
}

function changesTo(shards: number, ids: readonly number[]): ChangeRequest[] {
  if (shards > ids.length) return [{ kind: 'add-shard', count: shards - ids.length }];
  return ids.slice(shards).map((shard) => ({ kind: 'remove-shard', shard }));
}

type Wait = () => Promise<void>;

async function carryOut(
  request: ChangeRequest,
  { rebalancer }: ShardCluster,
  record: TopologyFile,
  wait: Wait,
): Promise<void> {
  const { id } = rebalancer.request(request);
  for (;;) {
    const { state, reason } = record.change(id);
    if (state === 'done') return;
    if (state === 'aborted') throw refused(reason);
    await wait();
  }
}

/** Those that were asked for, and not done, when the backup was made: what is asked for now is another number. */
async function endOpenChanges({ rebalancer }: ShardCluster, record: TopologyFile, wait: Wait): Promise<void> {
  while (record.openChanges().length > 0) {
    rebalancer.abort('the data is restored to another number of shards');
    await wait();
  }
}

/** @throws BackupRefused when nothing more will come of it: a running service would wait for room */
function checkHope({ supervisor }: ShardCluster, directory: DataDirectory): void {
  const ended = supervisor.shards.find(({ isGivenUp }) => isGivenUp);
  if (ended !== undefined) throw refused(`${ended.spec.name} ${ended.refusal ?? 'does not run'}`);
  const freeMiB = (directory.freeBytes() ?? 0) / 2 ** 20;
  if (freeMiB < roomMiBMin) throw refused(`the disk has ${freeMiB.toFixed(1)} MiB left, and ${roomMiBMin} are needed`);
}

function refused(why: string): BackupRefused {
  return new BackupRefused(`The shards cannot be changed: ${why}.`);
}
