/**
 * A connection to a SQLite file, and what its errors mean. The only importer of better-sqlite3. How files are opened
 * stands in open-database.ts.
 */

import { dirname } from 'node:path';
import Sqlite, { type Statement } from 'better-sqlite3';
import { saysDiskFull } from './disk-full.ts';

export type { Statement };

/**
 * Pages in the WAL before a commit also checkpoints. Many, 16 MiB: one takes some 25 ms, and pages that change again
 * soon are not rewritten. With SQLite's own 1,000, measured, two shards take 8 % fewer writes, of which the slowest
 * hundredth takes a quarter less time.
 */
const walPages = { many: 4_000, few: 1_000 } as const;

/** Of every file: see open-database.ts. */
export const pageBytes = 4096;
/** https://www.sqlite.org/fileformat2.html#walformat */
const walHeaderBytes = 32;
const walFrameHeaderBytes = 24;
type WalFrames = { readonly log: number; readonly checkpointed: number };

/** The file cannot be opened as what it should be. The message tells an operator what it is instead. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

/** The disk is full, and a file cannot be opened without writing. */
export class NoRoomToOpen extends UnusableFile {}

/** It is not the file that should be here. To try again does not help: an operator has to look. */
export class WrongFile extends UnusableFile {}

/** Another process holds the file's exclusive lock. */
export class FileLocked extends Error {
  override readonly name = 'FileLocked';
}

const inMemory = ':memory:';

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
  readonly #beginReading: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  /** Lets go of what must outlast the connection. */
  onClosed = () => {};
  #walPages: keyof typeof walPages = 'many';
  #areCheckpointsHeld = false;

  constructor(path: string, options?: Sqlite.Options) {
    this.path = path;
    this.#connection = new Sqlite(path, options);
    this.#begin = this.#connection.prepare('BEGIN IMMEDIATE');
    this.#beginReading = this.#connection.prepare('BEGIN DEFERRED');
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

  /** The same, without a sync: a power cut may undo it, the end of this process cannot. */
  unsyncedTransaction<T>(work: () => T): T {
    this.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.transaction(work);
    } finally {
      this.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Reads everything as of one moment. */
  snapshot<T>(read: () => T): T {
    this.#beginReading.run();
    try {
      return read();
    } finally {
      this.rollback();
    }
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
    this.#walPages = pages;
    this.exec(`PRAGMA wal_autocheckpoint = ${this.#areCheckpointsHeld ? 0 : walPages[pages]}`);
  }

  /** While they are held, no commit of this connection checkpoints, and the WAL grows with each. */
  holdCheckpoints(areHeld: boolean): void {
    this.#areCheckpointsHeld = areHeld;
    this.checkpointAfter(this.#walPages);
  }

  /**
   * How much of the WAL, from its begin, the committed content of the file needs besides the file itself: 0 when a
   * checkpoint has brought all of it there.
   */
  walBytesNeeded(): number {
    const { log, checkpointed } = this.prepare('PRAGMA wal_checkpoint(NOOP)').get() as WalFrames;
    return log === checkpointed ? 0 : walHeaderBytes + log * (walFrameHeaderBytes + pageBytes);
  }

  /**
   * Folds the log that is written ahead into the file and gives its room back to the disk, as far as nobody else reads
   * and there is room for it.
   */
  foldLog(): void {
    try {
      this.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    } catch (error) {
      if (!isDiskFull(error) && !isBusy(error)) throw error;
    }
  }

  /** Gives some free pages back to the disk, as soon as the log is folded. False when there were none. */
  shrink(pagesMax: number): boolean {
    if (this.setting('freelist_count') === 0) return false;
    this.exec(`PRAGMA incremental_vacuum(${pagesMax})`);
    return true;
  }

  /** Idempotent. */
  close(): void {
    this.#connection.close();
    this.onClosed();
  }
}

/** There was no room; the transaction was rolled back. */
export function isDiskFull(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return error instanceof NoRoomToOpen || (code !== undefined && saysDiskFull(code, directories));
}

/** Where this process has files. All of one service lie in one place. */
function directories(): string[] {
  return [...new Set([...keptForEver].flatMap(({ path }) => (path === inMemory ? [] : [dirname(path)])))];
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
export function sqliteCodeOf(error: unknown): string | undefined {
  return error instanceof Sqlite.SqliteError ? error.code : undefined;
}

/** The version of the SQLite library in this process, e.g. `3.53.2`. */
export const sqliteVersion = new Database(inMemory).prepare('SELECT sqlite_version()').pluck().get() as string;
