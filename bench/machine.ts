/** What the figures depend on besides the code: the machine, and how long its disk takes to make a write durable. */

import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { sqliteVersion } from '../src/sqlite/database.ts';
import { redisVersion } from './contestants/redis.ts';
import { spreadOf } from './statistics.ts';

export type Machine = {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
  /** Null where it is not installed. */
  readonly redis: string | null;
  readonly disk: Disk;
};

type Disk = {
  /** Median of a write of 4 KiB followed by fdatasync. */
  readonly syncMs: number;
  /** A memory file system: nothing on it is durable, and syncing costs nothing. */
  readonly isMemory: boolean;
};

const syncs = 200;
const pageBytes = 4096;
/** `TMPFS_MAGIC` and `RAMFS_MAGIC` of statfs(2). */
const memoryFileSystems = [0x01021994, 0x858458f6];

/** @param directory on the disk that is measured */
export function describeMachine(directory: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'of an unknown model',
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    sqlite: sqliteVersion,
    redis: redisVersion() ?? null,
    disk: { syncMs: medianSyncMs(directory), isMemory: memoryFileSystems.includes(statfsSync(directory).type) },
  };
}

/** Each page appended is another one, as in a write-ahead log. */
function medianSyncMs(directory: string): number {
  const path = join(directory, 'sync-probe');
  const file = openSync(path, 'w');
  try {
    const tookMs = Array.from({ length: syncs }, (_, index) => {
      const startedAtMs = performance.now();
      writeSync(file, Buffer.alloc(pageBytes, index));
      fdatasyncSync(file);
      return performance.now() - startedAtMs;
    });
    return spreadOf(tookMs).median;
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
