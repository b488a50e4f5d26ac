/**
 * Keeps a live file as it is, byte for byte, while another process copies it: in WAL mode only a checkpoint writes to the
 * file, and what is committed meanwhile goes behind what the WAL has by now. Nothing here copies; a process that opens and
 * closes a database file which it also uses through SQLite loses its locks (https://www.sqlite.org/howtocorrupt.html).
 *
 *   file ─────────────────────────┐  not written while pinned
 *   WAL  ├── walBytes ────────────┼── commits after the pin …
 *        └─ part of the snapshot ─┘
 */

import { Database } from './database.ts';

/** What has to be copied: all of the file, and so much of its WAL. */
export type PinnedFile = { readonly walBytes: number; readonly lsn: number };

export class FilePin {
  readonly #db: Database;
  readonly #access: 'exclusive' | 'shared';
  /** A reader of its own, where other processes checkpoint too: none can write behind a reader's back. */
  #reader: Database | undefined;

  constructor(db: Database, access: 'exclusive' | 'shared') {
    this.#db = db;
    this.#access = access;
  }

  /** Between two transactions. Idempotent: a pin that is there is kept. @returns bytes of the WAL to copy */
  hold(): number {
    if (this.#access === 'exclusive') this.#db.holdCheckpoints(true);
    else this.#reader ??= readerOf(this.#db.path);
    return this.#db.walBytesNeeded();
  }

  /** Idempotent. */
  release(): void {
    if (this.#access === 'exclusive') this.#db.holdCheckpoints(false);
    this.#reader?.close();
    this.#reader = undefined;
  }
}

function readerOf(path: string): Database {
  const reader = new Database(path, { readonly: true, fileMustExist: true });
  reader.exec('BEGIN');
  // A read transaction begins with its first read.
  reader.prepare('SELECT lsn FROM ledger LIMIT 1').get();
  return reader;
}
