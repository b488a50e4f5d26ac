/** What is found out about a data directory before anything is forked. */

import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/read-config.ts';
import { systemClock } from '../../src/ports/clock.ts';
import { takeDirectory } from '../../src/primary/take-directory.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { shardSchema } from '../../src/sqlite/shard-schema.ts';
import { put } from '../support/operations.ts';
import { makeReadOnly, smallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const dayMs = 86_400_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };

test('a service that starts while the clock is set to another day goes on from the time that its files noted', () => {
  const config = readConfig({ flags: { data: temporaryDirectory() }, environment: {}, file: undefined });
  const first = takeDirectory(config, log);
  // To the machine's clock as it is now, the shard wrote this two days ahead.
  const clock = { ...systemClock, dateMs: () => Date.now() + 2 * dayMs };
  const { service } = first.topologyFile;
  const file = new ShardFile(first.directory.shardFile(1), { service, shard: 1 }, { clock });
  file.execute([{ operation: put('key', 'value') }]);
  file.close();
  first.topologyFile.close();
  const again = takeDirectory(config, log);
  expect(again.time.now() - Date.now()).toBeGreaterThan(2 * dayMs - 60_000);
  again.topologyFile.close();
});

test('a disk that takes no writes is refused with what the system says of it, not with an I/O error', ({ skip }) => {
  const data = smallDisk('2m');
  if (data === undefined) return skip('mounting a small file system needs root');
  const config = readConfig({ flags: { data }, environment: {}, file: undefined });
  const { topologyFile, directory } = takeDirectory(config, log);
  topologyFile.close();
  makeReadOnly(data);
  const readOnly = 'EROFS: read-only file system';
  expect(() => takeDirectory(config, log)).toThrow(`The data directory ${data} cannot be used: ${readOnly}`);
  const opening = () => openExclusively(directory.metaFile, shardSchema);
  expect(opening).toThrow(`${directory.metaFile} cannot be opened: ${readOnly}`);
});
