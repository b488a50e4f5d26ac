/**
 * Opens SQLite files the one way this project trusts: WAL, `synchronous=FULL`, exclusively locked unless several
 * processes share the file, with the schema version checked. The only importer of better-sqlite3.
 */

import Sqlite, { type Statement } from 'better-sqlite3';

export type { Statement };

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
 * Pages in the WAL before a commit also checkpoints. Many, 16 MiB: one takes some 25 ms, and pages that change again
 * soon are not rewritten. With SQLite's own 1,000, measured, two shards take 8 % fewer writes, of which the slowest
 * hundredth takes a quarter less time.
 */
const walPages = { many: 4_000, few: 1_000 } as const;

/** A WAL that grew beyond this, by large values, is cut back to it after its checkpoint. */
const walBytesKept = 64 * 1024 * 1024;

const pageCacheKiB = 64 * 1024;

/**
 * As much of a file is read where the kernel caches it, not copied from there row by row: a third off a walk in
 * order of slots, whose rows lie anywhere. A disk that fails to read then ends the process (SIGBUS), as elsewhere.
 */
const mappedBytesMax = 256 * 1024 * 1024;

/** The file cannot be opened as what it should be. The message tells an operator what it is instead. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** Another process holds the file's exclusive lock. */
export class FileLocked extends Error {
  override readonly name = 'FileLocked';
}

/** Databases of this process, the closed ones too: see Database. */
const keptForEver = new Set<Database>();

/**
 * A connection that prepares each SQL text once and keeps the statement, and is kept itself: when the garbage
 * collector of Node 24.21 meets a better-sqlite3 object, the process aborts (its ObjectWrap wants an environment
 * there). For the same reason nobody calls `iterate()`, which makes an object a call. A SQL text is always read
 * in one mode: `raw()` and `pluck()` set it for everybody.
 */
export class Database {
  readonly path: string;
  readonly #connection: Sqlite.Database;
  readonly #statements = new Map<string, Statement>();
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;

  constructor(path: string, options?: Sqlite.Options) {
    this.path = path;
    this.#connection = new Sqlite(path, options);
    this.#begin = this.#connection.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#connection.prepare('COMMIT');
    this.#rollback = this.#connection.prepare('ROLLBACK');
    keptForEver.add(this);
  }

  prepare<Parameters extends unknown[] = unknown[]>(sql: string): Statement<Parameters> {
    const statement = this.#statements.get(sql) ?? this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement as Statement<Parameters>;
  }

  /** The value of the pragma of this name. */
  setting(name: string): unknown {
    return this.prepare(`PRAGMA ${name}`).pluck().get();
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Nobody else can write until the transaction ends. */
  begin(): void {
    this.#begin.run();
  }

  /** What was done since `begin` is on disk when this returns. A commit that failed is never tried again. */
  commit(): void {
    this.#commit.run();
  }

  /** Nothing of the transaction has happened. SQLite may have rolled back by itself: then nothing is left to do. */
  rollback(): void {
    if (this.#connection.inTransaction) this.#rollback.run();
  }

  /** All of the work or, when it throws, nothing. */
  transaction<T>(work: () => T): T {
    this.begin();
    try {
      const result = work();
      this.commit();
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Reads everything as of one moment. */
  snapshot<T>(read: () => T): T {
    return this.#connection.transaction(read).deferred();
  }

  /**
   * From now on, what finds another process's lock is told so at once (`isBusy`), with nothing done: SQLite's own
   * way to wait puts the whole process to sleep.
   */
  failWhenBusy(): void {
    this.exec('PRAGMA busy_timeout = 0');
  }

  /** Sets how many pages are written before a commit also checkpoints. */
  checkpointAfter(pages: keyof typeof walPages): void {
    this.exec(`PRAGMA wal_autocheckpoint = ${walPages[pages]}`);
  }

  /** Idempotent. */
  close(): void {
    this.#connection.close();
  }
}

export type OpenOptions = {
  /** Milliseconds to wait for the exclusive lock; 0 fails at once. */
  readonly lockWaitMs?: number;
};

/** How a file is opened or created, and locked. The simulator has another: its disks lie in memory. */
export type OpenDatabase = (path: string, schema: Schema, options?: OpenOptions) => Database;

/**
 * Opens or creates the file and takes its exclusive lock, which the kernel releases when the process dies.
 * @throws UnusableFile, FileLocked
 */
export function openExclusively(path: string, schema: Schema, options: OpenOptions = {}): Database {
  return open(path, schema, options.lockWaitMs ?? lockWaitMs, (db) => {
    // Before anything that reads the file: the WAL index then lives on the heap, not in a shared-memory file, and
    // reads take half the time.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
  });
}

/**
 * Opens a file that other processes write too, as durably.
 * @throws UnusableFile, FileLocked when another process has it exclusively
 */
export function openShared(path: string, schema: Schema): Database {
  return open(path, schema, lockWaitMs, () => {});
}

function open(path: string, schema: Schema, waitMs: number, choose: (db: Database) => void): Database {
  checkSqliteVersion();
  const db = new Database(path, { timeout: waitMs });
  try {
    choose(db);
    // Both must come before the first table; on a file that has tables they change nothing.
    db.exec('PRAGMA page_size = 4096');
    db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    expectPragma(db, 'journal_mode = WAL', 'journal_mode', 'wal');
    // better-sqlite3 opens WAL databases with NORMAL, which loses acknowledged commits at a power cut.
    expectPragma(db, 'synchronous = FULL', 'synchronous', 2);
    db.checkpointAfter('many');
    db.exec(`PRAGMA journal_size_limit = ${walBytesKept}`);
    db.exec(`PRAGMA cache_size = -${pageCacheKiB}`);
    db.exec(`PRAGMA mmap_size = ${mappedBytesMax}`);
    db.transaction(() => createOrCheck(db, path, schema));
    return db;
  } catch (error) {
    db.close();
    throw opened(path, error);
  }
}

/** @throws UnusableFile when the file has another schema than this */
export function createOrCheck(db: Database, path: string, schema: Schema): void {
  const applicationId = db.setting('application_id');
  const version = db.setting('user_version');
  const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (isEmpty && applicationId === 0) {
    db.exec(schema.ddl);
    db.exec(`PRAGMA application_id = ${schema.applicationId}`);
    db.exec(`PRAGMA user_version = ${schema.version}`);
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

/** Another process holds a lock that was needed. Nothing was done; the same may be tried again. */
export function isBusy(error: unknown): boolean {
  return sqliteCodeOf(error)?.startsWith('SQLITE_BUSY') === true;
}

/** The answer of `ask`; undefined when the file is busy. */
export function unlessBusy<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** The SQLite result code of an error that better-sqlite3 threw, e.g. `SQLITE_FULL`. */
function sqliteCodeOf(error: unknown): string | undefined {
  return error instanceof Sqlite.SqliteError ? error.code : undefined;
}

/** The version of the SQLite library in this process, e.g. `3.53.2`. */
export const sqliteVersion = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get() as string;

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
