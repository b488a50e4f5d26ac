import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeStore } from './store-conformance.ts';

describeStore('SqliteStore', async () => {
  const file = new ShardFile(join(temporaryDirectory(), 'store.sqlite'), { service: 'test', shard: 1 });
  const store = new SqliteStore(file);
  onTestFinished(() => store.stop());
  return store;
});
