/**
 * A shard's file as routers read it, while the shard writes it or is away. Every reading is one snapshot of what is
 * committed, together with what the file then says of its shard: whoever asks decides by that whether it counts. It
 * writes nothing, waits for nobody, and never takes another file for the one that it opened.
 */

import type { TimeNote } from '../kv/expiry-clock.ts';
import type { ReadOperation } from '../kv/operation.ts';
import type { KeyOutcome } from '../kv/outcome.ts';
import type { Standing } from '../partition/standing.ts';
import type { Clock } from '../ports/clock.ts';
import { fileAt } from '../ports/file-at.ts';
import { acknowledgedBeside } from './acknowledged-mark.ts';
import { Database, sqliteCodeOf } from './database.ts';
import { EntryTable } from './entry-table.ts';
import { type FileIdentity, StandingReader } from './standing-table.ts';

/** A file that was opened to be read. */
type OpenedToRead = {
  readonly db: Database;
  /** Whether its path still leads to it. */
  readonly isInPlace: () => boolean;
  /** Writes up to here were acknowledged before it was opened: where they are missing, it is an older copy. */
  readonly acknowledgedLsn: number;
};

/**
 * How a file is opened to be read. The simulator has another: its disks lie in memory.
 * @throws AnotherFile when there is none, or it was replaced meanwhile; whatever SQLite throws
 */
export type OpenToRead = (path: string) => OpenedToRead;

export type ShardFileReaderOptions = {
  readonly clock: Clock;
  readonly open?: OpenToRead;
  /** It was let go of, and will be tried again. */
  readonly onUnreadable: (error: unknown) => void;
};

export type Reading = {
  readonly standing: Standing;
  /** Of the clock by which the shard judges what has expired. */
  readonly time: TimeNote;
  /** In the order of what was asked; of what has expired, too. */
  readonly outcomes: readonly KeyOutcome[];
};

/** The file is not the one that it should be, or not any more. */
export class AnotherFile extends Error {
  override readonly name = 'AnotherFile';
}

/** Before a file that could not be read is tried again. */
const reopenDelayMs = 1_000;

/** At this time nothing has expired. */
const beforeAnyExpiry = 0;

/**
 * Pages are kept from one snapshot to the next only while nobody writes: a commit by another process empties this
 * cache.
 */
const pageCacheKiB = 4 * 1024;

export class ShardFileReader {
  readonly #path: string;
  readonly #identity: FileIdentity;
  readonly #options: ShardFileReaderOptions;
  #opened: OpenFile | undefined;
  #reopenAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, identity: FileIdentity, options: ShardFileReaderOptions) {
    this.#path = path;
    this.#identity = identity;
    this.#options = options;
  }

  /** All of it as of one moment; undefined when the file cannot be read right now. */
  read(operations: readonly ReadOperation[]): Reading | undefined {
    const { clock, onUnreadable } = this.#options;
    if (this.#opened === undefined && clock.nowMs() < this.#reopenAtMs) return undefined;
    try {
      this.#opened ??= new OpenFile((this.#options.open ?? openToRead)(this.#path), this.#identity);
      return this.#opened.read(operations);
    } catch (error) {
      if (!(error instanceof AnotherFile) && sqliteCodeOf(error) === undefined) throw error;
      this.close();
      this.#reopenAtMs = clock.nowMs() + reopenDelayMs;
      onUnreadable(error);
      return undefined;
    }
  }

  /** Idempotent. */
  close(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }
}

class OpenFile {
  readonly #file: OpenedToRead;
  readonly #identity: FileIdentity;
  readonly #standing: StandingReader;
  readonly #entries: EntryTable;

  /** @throws AnotherFile, whatever SQLite throws */
  constructor(file: OpenedToRead, identity: FileIdentity) {
    this.#file = file;
    this.#identity = identity;
    try {
      const lsn = file.db.prepare('SELECT coalesce(max(lsn), 0) FROM ledger').pluck().get() as number;
      if (lsn < file.acknowledgedLsn) throw new AnotherFile('it is an older copy');
      this.#standing = new StandingReader(file.db);
      this.#entries = new EntryTable(file.db);
    } catch (error) {
      file.db.close();
      throw error;
    }
  }

  /** @throws AnotherFile, whatever SQLite throws */
  read(operations: readonly ReadOperation[]): Reading {
    const reading = this.#file.db.snapshot(() => {
      const said = this.#standing.read(this.#identity);
      if (said === undefined) throw new AnotherFile('the file is not of this shard');
      return { ...said, outcomes: operations.map((operation) => this.#entries.read(operation, beforeAnyExpiry)) };
    });
    // Looked at afterwards: a file that is in its place now was there when it was read.
    if (!this.#file.isInPlace()) throw new AnotherFile('another file lies in its place, or none');
    return reading;
  }

  close(): void {
    this.#file.db.close();
  }
}

const openToRead: OpenToRead = (path) => {
  const acknowledgedLsn = acknowledgedBeside(path);
  const before = fileAt(path);
  if (before === undefined) throw new AnotherFile('there is no file');
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
  const isInPlace = () => fileAt(path) === before;
  try {
    if (!isInPlace()) throw new AnotherFile('it was replaced while it was opened');
    db.exec(`PRAGMA cache_size = -${pageCacheKiB}`);
    return { db, isInPlace, acknowledgedLsn };
  } catch (error) {
    db.close();
    throw error;
  }
};
