/** What a naive shard stands on: the very file and group commit of the service's shards. Only the way to it differs. */

import { join } from 'node:path';
import { ShardFile } from '../../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../../src/sqlite/sqlite-store.ts';

export function openShardFileStore(directory: string, shard: number): SqliteStore {
  return new SqliteStore(new ShardFile(join(directory, `shard-${shard}.sqlite`), { service: 'bench', shard }));
}
