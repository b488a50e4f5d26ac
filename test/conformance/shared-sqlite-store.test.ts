import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { oneOfMany } from '../support/one-of-many.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeStore } from './store-conformance.ts';

describeStore('two SqliteStores over one file', async () => {
  const path = join(temporaryDirectory(), 'store.sqlite');
  const open = () => new SqliteStore(new ShardFile(path, { service: 'test', shard: 1 }, { access: 'shared' }));
  const store = oneOfMany([open(), open()]);
  onTestFinished(() => store.stop());
  return store;
});
