/** A shard's file on a disk in memory, which a test may fill. */

import type { OpenDatabase } from '../../src/sqlite/open-database.ts';
import { createOrCheck } from '../../src/sqlite/schema.ts';
import { ShardFile, type ShardFileOptions } from '../../src/sqlite/shard-file.ts';
import { SimulatedDisk } from '../simulation/adapters/simulated-disk.ts';

export function fileInMemory(options: ShardFileOptions = {}, shard = 1) {
  const disk = new SimulatedDisk();
  const open: OpenDatabase = (path, schema) => {
    createOrCheck(disk, path, schema);
    return disk;
  };
  /** What the next process finds. */
  const opened = () => new ShardFile(`shard-${shard}`, { service: 'test', shard }, { open, ...options });
  return { disk, file: opened(), opened };
}
