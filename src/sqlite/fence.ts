/**
 * How a file that others read is kept from a second writer. Readers need the file's own locks, so the writer holds
 * another one: that of an empty SQLite file beside it, which the kernel drops with the process and not before. A shard
 * that was stopped, and whose primary is gone, keeps its successor waiting here, and never writes beside it.
 */

import { Database, FileLocked, isBusy } from './database.ts';
import { lockWaitMs, type OpenDatabase, openShared } from './open-database.ts';

/** Of the name of the file beside it, as `-wal` is. */
const fenceSuffix = '-fence';

/**
 * Opens or creates a file that this process alone writes and others may read.
 * @throws UnusableFile, FileLocked when another process writes it
 */
export const openFenced: OpenDatabase = (path, schema, options = {}) => {
  const fence = raiseFence(path, options.lockWaitMs ?? lockWaitMs);
  try {
    const db = openShared(path, schema, options);
    db.onClosed = () => fence.close();
    return db;
  } catch (error) {
    fence.close();
    throw error;
  }
};

function raiseFence(path: string, waitMs: number): Database {
  const fence = new Database(path + fenceSuffix, { timeout: waitMs });
  try {
    // Never ended, and nothing is ever written, also to no journal: the lock lasts as long as the connection.
    fence.exec('PRAGMA journal_mode = MEMORY');
    fence.exec('BEGIN EXCLUSIVE');
    return fence;
  } catch (error) {
    fence.close();
    if (isBusy(error)) throw new FileLocked(`${path} is written by another process.`, { cause: error });
    throw error;
  }
}
