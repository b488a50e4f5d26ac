/** `verify`: whether the ring covers every slot once, and whether each shard's file holds just what it should. */

import type { ServiceAudit } from '../admin/contract.ts';
import { DataFiles } from '../config/data-directory.ts';
import { ringOf } from '../partition/ring.ts';
import { slotCount } from '../partition/slot.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { FileLocked, UnusableFile } from '../sqlite/database.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { checkWalkable } from './strategy.ts';
import { TopologyFile } from './topology-file.ts';

export function auditOf(epoch: number, shards: readonly AuditReport[]): ServiceAudit {
  return {
    epoch,
    slots: slotCount,
    shards,
    keys: shards.reduce((sum, { keys }) => sum + keys, 0),
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    isSound: shards.every(({ faults }) => faults.length === 0),
  };
}

const stepRows = 1_000;

/**
 * Of a service that does not run.
 * @param except shards whose files are not even opened
 * @throws ChangeRefused when meta.sqlite cannot be read, or the data is not in files; FileLocked of a shard's file
 */
export function auditFiles(data: string, except: ReadonlySet<number> = new Set()): ServiceAudit {
  const directory = new DataFiles(data);
  const topology = topologyAt(directory.metaFile);
  try {
    checkWalkable(topology.store);
    const ring = ringOf(topology.ring.describe());
    const walked = [...topology.weights().keys()].filter((shard) => !except.has(shard));
    const reports = walked.map((shard): AuditReport => {
      const record = { acknowledgedLsn: topology.files.acknowledgedLsn(shard), epoch: ring.epoch };
      if (record.acknowledgedLsn === null) return unwalked(shard, []);
      let file: ShardFile;
      try {
        file = new ShardFile(directory.shardFile(shard), { service: topology.service, shard }, { record });
      } catch (error) {
        if (!(error instanceof UnusableFile)) throw error;
        return unwalked(shard, [error.message]);
      }
      try {
        const audit = file.audit(ring, shard, 'checked');
        while (audit.step(stepRows));
        return audit.report();
      } finally {
        file.close();
      }
    });
    return auditOf(ring.epoch, reports);
  } finally {
    topology.close();
  }
}

function unwalked(shard: number, faults: readonly string[]): AuditReport {
  return { shard, lsn: 0, keys: 0, bytes: 0, digest: 0, inTransit: 0, faults, changedMeanwhile: false };
}

function topologyAt(path: string): TopologyFile {
  try {
    return new TopologyFile(path, { shards: 1, strategy: 'partitioned', store: 'sqlite' });
  } catch (error) {
    if (!(error instanceof UnusableFile) && !(error instanceof FileLocked)) throw error;
    throw new ChangeRefused(error.message, { cause: error });
  }
}
