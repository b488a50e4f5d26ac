/**
 * Shards' files of an older version are brought to the newest before any process is forked: to copy a large one may take
 * longer than a shard has to start.
 */

import { existsSync } from 'node:fs';
import type { DataDirectory } from '../config/data-directory.ts';
import { UnusableFile } from '../sqlite/database.ts';
import type { OpenDatabase } from '../sqlite/open-database.ts';
import { NoRoomForCopy } from '../sqlite/schema.ts';
import { shardSchema } from '../sqlite/shard-schema.ts';
import type { TopologyFile } from './topology-file.ts';

/** @throws NoRoomForCopy, FileLocked */
export function upgradeShardFiles(directory: DataDirectory, topologyFile: TopologyFile, open: OpenDatabase): void {
  for (const shard of topologyFile.weights().keys()) {
    const path = directory.shardFile(shard);
    if (!existsSync(path)) continue;
    try {
      open(path, shardSchema).close();
    } catch (error) {
      // Its shard says what is wrong with it, and the others serve.
      if (!(error instanceof UnusableFile) || error instanceof NoRoomForCopy) throw error;
    }
  }
}
