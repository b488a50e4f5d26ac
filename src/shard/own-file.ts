/** The file that the primary says is this shard's, or none: a shard never serves another. */

import { WrongFile } from '../sqlite/database.ts';
import { ShardFile, type ShardFileOptions } from '../sqlite/shard-file.ts';
import { CannotServe } from '../supervision/cannot-serve.ts';
import type { StartShard } from '../supervision/messages.ts';

/** How this process reaches its file. */
export type OwnFilePorts = Omit<ShardFileOptions, 'access' | 'record' | 'time'>;

/** @throws CannotServe when it is not the file that should be there; FileLocked; whatever SQLite throws */
export function openOwnFile(start: StartShard, ports: OwnFilePorts): ShardFile {
  const { file, service, shard, acknowledgedLsn, time, topology } = start;
  const record = { acknowledgedLsn, epoch: topology.epoch };
  try {
    return new ShardFile(file, { service, shard }, { ...ports, record, ...(time && { time }) });
  } catch (error) {
    throw error instanceof WrongFile ? new CannotServe(error.message, { cause: error }) : error;
  }
}
