/**
 * Opens SQLite files the one way this project trusts: WAL, `synchronous=FULL`, exclusively locked where one
 * process owns the file, with the schema version checked. The only importer of better-sqlite3.
 */

import Database from 'better-sqlite3';

export type { Database, Statement } from 'better-sqlite3';

export type Schema = {
  /** SQLite `application_id`: tells our files from any other SQLite file. */
  readonly applicationId: number;
  /** SQLite `user_version`: rises with every change of the tables. */
  readonly version: number;
  /** Creates version `version` in an empty file. */
  readonly ddl: string;
};

/**
 * Before 3.51.3 two connections that restart one WAL at the same time can corrupt it ("WAL-reset bug",
 * sqlite.org/wal.html#walresetbug).
 */
const sqliteVersionMin = [3, 51, 3] as const;

/** How long an open waits for the process that held the file before, which may be dying. */
const lockWaitMs = 5_000;

/**
 * Pages in the WAL before a commit also checkpoints: 16 MiB at 4 KiB. Larger spares rewriting pages that
 * change again soon (a quarter less CPU per write than SQLite's 1,000), smaller shortens recovery.
 */
const walPagesMax = 4_000;

/** A WAL that grew beyond this, by large values, is cut back to it after its checkpoint. */
const walBytesKept = 64 * 1024 * 1024;

const pageCacheKiB = 64 * 1024;

/** The file cannot be opened as what it should be. The message tells an operator what it is instead. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** Another process holds the file's exclusive lock. */
export class FileLocked extends Error {
  override readonly name = 'FileLocked';
}

export type OpenOptions = {
  /** Milliseconds to wait for the exclusive lock; 0 fails at once. */
  readonly lockWaitMs?: number;
};

/**
 * Opens or creates the file and takes its exclusive lock, which the kernel releases when the process dies.
 * @throws UnusableFile, FileLocked
 */
export function openExclusively(path: string, schema: Schema, options: OpenOptions = {}): Database.Database {
  checkSqliteVersion();
  const db = new Database(path, { timeout: options.lockWaitMs ?? lockWaitMs });
  try {
    // Before anything that reads the file: the WAL index then lives on the heap, not in a shared-memory file, and
    // reads take half the time.
    db.pragma('locking_mode = EXCLUSIVE');
    // Both must come before the first table; on a file that has tables they change nothing.
    db.pragma('page_size = 4096');
    db.pragma('auto_vacuum = INCREMENTAL');
    expectPragma(db, 'journal_mode = WAL', 'journal_mode', 'wal');
    // better-sqlite3 opens WAL databases with NORMAL, which loses acknowledged commits at a power cut.
    expectPragma(db, 'synchronous = FULL', 'synchronous', 2);
    db.pragma(`wal_autocheckpoint = ${walPagesMax}`);
    db.pragma(`journal_size_limit = ${walBytesKept}`);
    db.pragma(`cache_size = -${pageCacheKiB}`);
    db.exec('BEGIN IMMEDIATE');
    createOrCheck(db, path, schema);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw opened(path, error);
  }
}

function createOrCheck(db: Database.Database, path: string, schema: Schema): void {
  const applicationId = db.pragma('application_id', { simple: true });
  const version = db.pragma('user_version', { simple: true });
  const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (isEmpty && applicationId === 0) {
    db.exec(schema.ddl);
    db.pragma(`application_id = ${schema.applicationId}`);
    db.pragma(`user_version = ${schema.version}`);
    return;
  }
  if (applicationId !== schema.applicationId) {
    throw new UnusableFile(
      `${path} is a SQLite file, but not of this kind: it was not written by Shardlite as this file.`,
    );
  }
  if (version !== schema.version) {
    throw new UnusableFile(`${path} has schema version ${version}; this Shardlite reads version ${schema.version}.`);
  }
}

function opened(path: string, error: unknown): unknown {
  const code = sqliteCodeOf(error);
  if (code === undefined) return error;
  if (code.startsWith('SQLITE_BUSY')) return new FileLocked(`${path} is in use by another process.`, { cause: error });
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new UnusableFile(`${path} is damaged or not a SQLite file.`, { cause: error });
  }
  return new UnusableFile(`${path} cannot be opened: ${(error as Error).message} (${code}).`, { cause: error });
}

/** There was no room; the transaction was rolled back. */
export function isDiskFull(error: unknown): boolean {
  return sqliteCodeOf(error) === 'SQLITE_FULL';
}

/** The SQLite result code of an error that better-sqlite3 threw, e.g. `SQLITE_FULL`. */
function sqliteCodeOf(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

export function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    return db.prepare('SELECT sqlite_version()').pluck().get() as string;
  } finally {
    db.close();
  }
}

function checkSqliteVersion(): void {
  const found = sqliteVersion();
  const parts = found.split('.').map(Number);
  const differing = sqliteVersionMin.findIndex((min, index) => parts[index] !== min);
  const wanted = sqliteVersionMin[differing];
  if (wanted !== undefined && (parts[differing] ?? 0) < wanted) {
    throw new UnusableFile(`SQLite ${found} can corrupt WAL files: ${sqliteVersionMin.join('.')} or newer is needed.`);
  }
}

function expectPragma(db: Database.Database, setting: string, name: string, wanted: string | number): void {
  db.pragma(setting);
  const found = db.pragma(name, { simple: true });
  if (found !== wanted) throw new UnusableFile(`${db.name}: ${name} is ${found} and cannot be set to ${wanted}.`);
}
