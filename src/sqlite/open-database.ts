/**
 * Opens SQLite files the one way this project trusts: WAL, `synchronous=FULL`, exclusively locked unless several
 * processes share the file, of the newest schema version.
 */

import { accessSync, constants, statSync } from 'node:fs';
import {
  Database,
  FileLocked,
  isDiskFull,
  NoRoomToOpen,
  pageBytes,
  sqliteCodeOf,
  sqliteVersion,
  UnusableFile,
  WrongFile,
} from './database.ts';
import { type Absence, createOrCheck, type Schema, type Upgrade, type UpgradeCopies, upgrade } from './schema.ts';

/**
 * Before 3.51.3 two connections that restart one WAL at the same time can corrupt it ("WAL-reset bug",
 * sqlite.org/wal.html#walresetbug).
 */
const sqliteVersionMin = [3, 51, 3] as const;

/** How long an open waits for the process that held the file before, which may be dying. */
export const lockWaitMs = 5_000;

/** A WAL that grew beyond this, by large values, is cut back to it after its checkpoint. */
const walBytesKept = 64 * 1024 * 1024;

/**
 * A cache before the kernel's, of each process, so what it takes is missing there when data exceeds memory. Measured,
 * 512 MiB of values of 16 KiB under 384 MiB for two shards: 2,300 reads and 1,500 writes a second with 64 MiB, 3,400
 * and 2,300 with 16. Where data fits into memory, no difference was found: 4 µs a read and 7 of a file of 80 MB.
 */
const pageCacheKiB = 16 * 1024;

export type OpenOptions = {
  /** Milliseconds to wait for the exclusive lock; 0 fails at once. */
  readonly lockWaitMs?: number;
  /** It is created unless this says otherwise. */
  readonly absence?: Absence;
  /** They are kept unless it says otherwise. */
  readonly upgradeCopies?: UpgradeCopies;
  /** Told before a file of an older version is copied and brought to the newest. */
  readonly onUpgrade?: (upgrade: Upgrade) => void;
};

/** How a file is opened or created, and locked. The simulator has another: its disks lie in memory. */
export type OpenDatabase = (path: string, schema: Schema, options?: OpenOptions) => Database;

/**
 * Opens or creates the file and takes its exclusive lock, which the kernel releases when the process dies.
 * @throws UnusableFile, FileLocked
 */
export function openExclusively(path: string, schema: Schema, options: OpenOptions = {}): Database {
  return open(path, schema, options, (db) => {
    // Before anything that reads the file: the WAL index then lives on the heap, not in a shared-memory file, and
    // reads take half the time.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
  });
}

/**
 * Opens a file that other processes read or write too, as durably.
 * @throws UnusableFile, FileLocked when another process has it exclusively
 */
export function openShared(path: string, schema: Schema, options: OpenOptions = {}): Database {
  return open(path, schema, options, () => {});
}

function open(path: string, schema: Schema, options: OpenOptions, choose: (db: Database) => void): Database {
  checkSqliteVersion();
  if (options.absence === 'refuse' && !isThere(path)) throw new WrongFile(`${path} is missing.`);
  const db = connected(path, options.lockWaitMs ?? lockWaitMs);
  try {
    choose(db);
    // Both must come before the first table; on a file that has tables they change nothing.
    db.exec(`PRAGMA page_size = ${pageBytes}`);
    db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    expectPragma(db, 'journal_mode = WAL', 'journal_mode', 'wal');
    // better-sqlite3 opens WAL databases with NORMAL, which loses acknowledged commits at a power cut.
    expectPragma(db, 'synchronous = FULL', 'synchronous', 2);
    // On macOS a plain fsync leaves what was written in the disk's own cache. Elsewhere these do nothing.
    expectPragma(db, 'fullfsync = ON', 'fullfsync', 1);
    expectPragma(db, 'checkpoint_fullfsync = ON', 'checkpoint_fullfsync', 1);
    db.checkpointAfter('many');
    db.exec(`PRAGMA journal_size_limit = ${walBytesKept}`);
    db.exec(`PRAGMA cache_size = -${pageCacheKiB}`);
    const version = db.transaction(() => createOrCheck(db, path, schema, options.absence));
    if (version < schema.version) {
      options.onUpgrade?.({ path, from: version, to: schema.version });
      upgrade(db, path, schema, version, options.upgradeCopies ?? 'keep');
    }
    return db;
  } catch (error) {
    db.close();
    throw opened(path, error);
  }
}

/** What may not be looked at is not missing. @throws UnusableFile */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new UnusableFile(`${path} cannot be opened: ${(error as Error).message}.`, { cause: error });
  }
}

function connected(path: string, timeout: number): Database {
  try {
    return new Database(path, { timeout });
  } catch (error) {
    throw opened(path, error);
  }
}

/** What has failed, in a sentence; a defect as it is. */
function opened(path: string, error: unknown): unknown {
  const code = sqliteCodeOf(error);
  if (code === undefined) return error;
  if (code.startsWith('SQLITE_BUSY')) return new FileLocked(`${path} is in use by another process.`, { cause: error });
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new WrongFile(`${path} is damaged or not a SQLite file.`, { cause: error });
  }
  const Reason = isDiskFull(error) ? NoRoomToOpen : UnusableFile;
  const why = refusedRight(path) ?? `${(error as Error).message} (${code})`;
  return new Reason(`${path} cannot be opened: ${why}.`, { cause: error });
}

/** SQLite names a right that is missing in many ways, and none says so. Undefined where this user may read and write. */
function refusedRight(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : message;
  }
}

function checkSqliteVersion(): void {
  const parts = sqliteVersion.split('.').map(Number);
  const differing = sqliteVersionMin.findIndex((min, index) => parts[index] !== min);
  const wanted = sqliteVersionMin[differing];
  if (wanted !== undefined && (parts[differing] ?? 0) < wanted) {
    throw new UnusableFile(
      `SQLite ${sqliteVersion} can corrupt WAL files: ${sqliteVersionMin.join('.')} or newer is needed.`,
    );
  }
}

function expectPragma(db: Database, setting: string, name: string, wanted: string | number): void {
  db.exec(`PRAGMA ${setting}`);
  const found = db.setting(name);
  if (found !== wanted) throw new UnusableFile(`${db.path}: ${name} is ${found} and cannot be set to ${wanted}.`);
}
