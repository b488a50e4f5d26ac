/**
 * What `meta.sqlite` records of each shard's file: whether it was made, and how far its writes were acknowledged. A file
 * that is missing, or ends before that, is no file of that shard. Shards tell with each sign of life how far what they
 * have on disk goes, so no crash and no power cut leaves a file that ends before it. What was acknowledged after the last
 * one stands beside each file (`sqlite/acknowledged-mark.ts`).
 */

import { DataFiles } from '../config/data-directory.ts';
import { acknowledgedBeside } from '../sqlite/acknowledged-mark.ts';
import { type Database, isDiskFull } from '../sqlite/database.ts';
import type { Topology } from '../supervision/messages.ts';

export class FileRecords {
  readonly #db: Database;
  readonly #files: DataFiles;
  readonly #acknowledged: Map<number, number | null>;

  /** @param directory where the shards' files lie */
  constructor(db: Database, directory: string) {
    this.#db = db;
    this.#files = new DataFiles(directory);
    this.#acknowledged = new Map(
      db.prepare('SELECT id, acknowledged_lsn FROM shard').raw().all() as [number, number | null][],
    );
  }

  /** Null for a file that was not made yet. */
  acknowledgedLsn(shard: number): number | null {
    const recorded = this.#acknowledged.get(shard) ?? null;
    return recorded === null ? null : Math.max(recorded, acknowledgedBeside(this.#files.shardFile(shard)));
  }

  /**
   * What its file must have; null where it may be made anew. A shard without slots has nothing to lose, and its file may
   * have been removed when there was no room to record that.
   */
  demandedLsn(shard: number, { ranges }: Pick<Topology, 'ranges'>): number | null {
    return ranges.some(([, , owner]) => owner === shard) ? this.acknowledgedLsn(shard) : null;
  }

  /**
   * Its file has these writes on disk, and so was made. Costs a sync when the file is new; after that a power cut may
   * take back what was recorded last, which makes the record say less, and nothing wrong. A full disk does the same.
   */
  acknowledge(shard: number, lsn: number): void {
    const before = this.#acknowledged.get(shard) ?? null;
    if (before !== null && lsn <= before) return;
    const record = () =>
      this.#db.prepare('UPDATE shard SET acknowledged_lsn = ? WHERE id = ?').run(lsn, shard).changes === 1;
    try {
      const isThere = before === null ? this.#db.transaction(record) : this.#db.unsyncedTransaction(record);
      if (isThere) this.#acknowledged.set(shard, lsn);
    } catch (error) {
      // The next sign of life tries again.
      if (!isDiskFull(error)) throw error;
    }
  }

  /** Its file is to be removed: from now on nobody misses it. */
  forget(shard: number): void {
    try {
      this.#db.transaction(() => this.#db.prepare('UPDATE shard SET acknowledged_lsn = NULL WHERE id = ?').run(shard));
      this.#acknowledged.delete(shard);
    } catch (error) {
      // After a crash it is missed by nobody: the shard owns nothing.
      if (!isDiskFull(error)) throw error;
    }
  }
}
