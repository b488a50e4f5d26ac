/**
 * A disk, as whoever opened it sees it: a SQLite database in memory. A process may die right before and right after each
 * commit. A full disk is a database that may not grow.
 */

import { Database } from '../../../src/sqlite/database.ts';
import type { Life } from '../scheduler.ts';

/** Small, so that a few rows fill a page and a full disk is felt. */
const pageBytes = 512;
const pagesMax = 2 ** 30;

export class SimulatedDisk extends Database {
  holder: Life | undefined;
  crashPoint = () => {};
  /** Of a full disk: whether this commit finds none. */
  hasNoRoom = () => true;
  #isFull = false;
  #changesAtBegin = 0;
  /** Whoever commits says when it may die after it. */
  isWatched = false;

  constructor() {
    super(':memory:');
    this.exec(`PRAGMA page_size = ${pageBytes}`);
    this.exec('PRAGMA auto_vacuum = INCREMENTAL');
  }

  override begin(): void {
    super.begin();
    this.#changesAtBegin = this.#changes();
  }

  override commit(): void {
    this.crashPoint();
    // A commit needs room of its own, in the log that is written ahead. What is small may still fit.
    if (this.#isFull && this.#changes() > this.#changesAtBegin && this.hasNoRoom())
      this.prepare('INSERT INTO filler VALUES (zeroblob(100000))').run();
    super.commit();
    if (!this.isWatched) this.crashPoint();
  }

  /** Whoever died within a transaction has left it: SQLite rolls it back before another process reads. */
  override snapshot<T>(read: () => T): T {
    if (!this.holder?.isAlive) this.rollback();
    return super.snapshot(read);
  }

  /** It lies in memory: there is no file to let go of. */
  override close(): void {}

  /** From now on it does not grow, or does again. */
  setFull(isFull: boolean): void {
    if (isFull) this.exec('CREATE TABLE IF NOT EXISTS filler (bytes BLOB)');
    this.#isFull = isFull;
    this.exec(`PRAGMA max_page_count = ${isFull ? 1 : pagesMax}`);
  }

  /** Rows written since it was opened. */
  #changes(): number {
    return this.prepare('SELECT total_changes()').pluck().get() as number;
  }
}
