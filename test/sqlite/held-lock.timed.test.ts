/** How long a writer waits for another process's lock: within a window, so nothing runs beside this. */

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/sqlite/database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { get, put } from '../support/operations.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('a lock that is held for more than five seconds is told to writers, and nothing of their writes is kept', async () => {
  const path = join(temporaryDirectory(), 'shared.sqlite');
  const file = new ShardFile(path, { service: 'test', shard: 1 }, { access: 'shared' });
  const store = new SqliteStore(file);
  const other = new Database(path);
  onTestFinished(() => {
    other.close();
    file.close();
  });
  other.exec('BEGIN IMMEDIATE');
  const [startedAtMs, watch] = [performance.now(), new Stopwatch()];
  expect(await store.execute(put('key', 'late'))).toMatchObject({ kind: 'failed', code: 'store-unavailable' });
  expect(performance.now() - startedAtMs).toBeGreaterThan(5_000);
  expect(watch.stop()).toBeLessThan(5_500);

  other.exec('COMMIT');
  expect(await store.execute(get('key'))).toEqual({ kind: 'absent' });
  expect(await store.execute(put('key', 'again'))).toMatchObject({ kind: 'created' });
});
