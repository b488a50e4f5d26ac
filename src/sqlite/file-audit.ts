/**
 * Walks every row of a shard's file and says what is there, in steps, so that a serving shard can be walked too.
 * It only reads.
 */

import { expiryOf } from '../kv/outcome.ts';
import type { Ring } from '../partition/ring.ts';
import { slotOf } from '../partition/slot.ts';
import type { Clock } from '../ports/clock.ts';
import { type Row, RowSum } from '../rebalance/row.ts';
import type { Database, Statement } from './database.ts';
import { smallValue } from './entry-table.ts';
import type { FileCounters } from './file-counters.ts';

export type AuditReport = {
  readonly shard: number;
  /** Of the last commit. */
  readonly lsn: number;
  /** Rows of slots that this shard owns. */
  readonly keys: number;
  readonly bytes: number;
  /** Sum of the hashes of those rows: equal for equal content, wherever it lies. */
  readonly digest: number;
  /** Rows of other shards' slots that are noted as importing, migrating or orphaned. */
  readonly inTransit: number;
  /** What is wrong, in sentences; empty when nothing is. */
  readonly faults: readonly string[];
  /** Writes came in between: figures of different moments are not compared. */
  readonly changedMeanwhile: boolean;
};

type AuditRow = [
  id: number,
  slot: number,
  key: Buffer,
  version: number,
  contentType: string,
  smallValue: Buffer | null,
  expiresAtMs: number,
];

const faultsShown = 10;
/** Rows read at a time beside clients, in about a millisecond. */
const stepRows = 256;
/** Few rows with many bytes take as long as many with few. */
const stepBytes = 1024 * 1024;

export type AuditedFile = {
  readonly counters: () => FileCounters;
  /** Slots of which rows may be here though they are not owned. */
  readonly slotsInTransit: () => ReadonlySet<number>;
  readonly ring: Ring;
  readonly shard: number;
};

export class FileAudit {
  readonly #file: AuditedFile;
  readonly #rows: Statement<[number, number]>;
  readonly #value: Statement<[number]>;
  readonly #sum = new RowSum();
  readonly #faults: string[] = [];
  readonly #lsnAtStart: number;
  #afterId = 0;
  #inTransit = 0;

  constructor(db: Database, file: AuditedFile) {
    this.#file = file;
    this.#lsnAtStart = file.counters().lsn;
    this.#rows = db
      .prepare<[number, number]>(
        `SELECT id, slot, key, version, content_type, ${smallValue}, expires_at FROM entry
         WHERE id > ? ORDER BY id LIMIT ?`,
      )
      .raw();
    this.#value = db.prepare<[number]>('SELECT value FROM entry WHERE id = ?').pluck();
  }

  /** SQLite's own check of the file's structure. It takes as long as it takes: not beside clients. */
  checkStructure(db: Database): void {
    for (const fault of db.prepare('PRAGMA quick_check(10)').pluck().all() as string[]) {
      if (fault !== 'ok') this.#fault(`SQLite: ${fault}`);
    }
  }

  /**
   * All of it in steps, between which clients are served.
   * @param attempt gives undefined where others keep the file busy: the step is done later, then
   */
  walk(
    clock: Clock,
    onReport: (report: AuditReport) => void,
    attempt: <T>(step: () => T) => T | undefined = (step) => step(),
  ): void {
    const report = attempt(() => (this.step(stepRows) ? undefined : this.report()));
    if (report === undefined) clock.soon(() => this.walk(clock, onReport, attempt));
    else onReport(report);
  }

  /** One step, of about so many rows or `stepBytes`. False when every row has been seen. */
  step(rowsMax: number): boolean {
    const transit = this.#file.slotsInTransit();
    const rows = this.#rows.all(this.#afterId, rowsMax) as AuditRow[];
    // After the rows: where others write too, each is at most as new as this.
    const { lsn } = this.#file.counters();
    let bytes = 0;
    for (const [id, slot, key, version, contentType, small, expiresAtMs] of rows) {
      if (bytes >= stepBytes) return true;
      this.#afterId = id;
      const value = small ?? (this.#value.get(id) as Buffer | undefined);
      // Deleted meanwhile, where others write too.
      if (value === undefined) continue;
      bytes += key.length + value.length;
      this.#see({ slot, key, version, contentType, value, ...expiryOf(expiresAtMs) }, transit, lsn);
    }
    return rows.length === rowsMax;
  }

  report(): AuditReport {
    const { lsn, keys, bytes } = this.#file.counters();
    const changedMeanwhile = lsn !== this.#lsnAtStart;
    if (!changedMeanwhile && (keys !== this.#sum.keys || bytes !== this.#sum.bytes)) {
      this.#fault(
        `the counters say ${keys} keys and ${bytes} bytes, but there are ${this.#sum.keys} and ${this.#sum.bytes}`,
      );
    }
    const { keys: seenKeys, bytes: seenBytes, digest } = this.#sum;
    return {
      shard: this.#file.shard,
      lsn,
      keys: seenKeys,
      bytes: seenBytes,
      digest,
      inTransit: this.#inTransit,
      faults: this.#faults,
      changedMeanwhile,
    };
  }

  #see(row: Row, transit: ReadonlySet<number>, lsn: number): void {
    const { slot, key, version } = row;
    if (slotOf(key) !== slot)
      this.#fault(`the key ${key.toString('base64url')} is in slot ${slot}, not ${slotOf(key)}`);
    if (version > lsn) this.#fault(`the key ${key.toString('base64url')} has version ${version}, above the lsn`);
    if (this.#file.ring.shardOf(slot) === this.#file.shard) this.#sum.add(row);
    else if (transit.has(slot)) this.#inTransit++;
    else this.#fault(`there is a row of slot ${slot}, which belongs to shard ${this.#file.ring.shardOf(slot)}`);
  }

  #fault(sentence: string): void {
    if (this.#faults.length < faultsShown) this.#faults.push(sentence);
  }
}
