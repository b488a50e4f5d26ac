/**
 * The table of idempotency keys: one row for each write that has one, kept as long as the client may send it again.
 * Rows lie by slot, and move with it. Within transactions of the file.
 */

import { idempotencyKeptMs } from '../kv/idempotency-key.ts';
import { recordsWithIdempotencyKey, unpackRecords, type WriteRecord } from '../kv/write-record.ts';
import type { Cursor } from '../rebalance/row.ts';
import type { NamePage, PageLimits } from '../rebalance/slot-storage.ts';
import type { Database, Statement } from './database.ts';
import { slotIsListed } from './entry-table.ts';

export const idempotencyDdl = `
  CREATE TABLE idempotency (
    slot   INTEGER NOT NULL,
    op_id  BLOB NOT NULL,
    lsn    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (slot, op_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX idempotency_age ON idempotency (at_ms);
`;

/** Before every other. */
const noOpId = Buffer.alloc(0);

export class IdempotencyTable {
  readonly #keep: Statement<[number, Buffer, number, number, Buffer]>;
  readonly #record: Statement<[number, Buffer]>;
  readonly #page: Statement<[number, Buffer, number]>;
  readonly #forgetExpired: Statement<[number, number]>;
  readonly #oldest: Statement;
  readonly #forgetSlot: Statement<[number, number]>;
  readonly #forgetListed: Statement<[string, number]>;

  constructor(db: Database) {
    this.#keep = db.prepare(
      'INSERT OR REPLACE INTO idempotency (slot, op_id, lsn, at_ms, record) VALUES (?, ?, ?, ?, ?)',
    );
    this.#record = db.prepare<[number, Buffer]>('SELECT record FROM idempotency WHERE slot = ? AND op_id = ?').pluck();
    this.#page = db
      .prepare<[number, Buffer, number]>(
        'SELECT op_id, record FROM idempotency WHERE slot = ? AND op_id > ? ORDER BY op_id LIMIT ?',
      )
      .raw();
    this.#forgetExpired = db.prepare(
      'DELETE FROM idempotency WHERE (slot, op_id) IN (SELECT slot, op_id FROM idempotency WHERE at_ms <= ? LIMIT ?)',
    );
    this.#oldest = db.prepare('SELECT min(at_ms) FROM idempotency').pluck();
    this.#forgetSlot = db.prepare(
      'DELETE FROM idempotency WHERE (slot, op_id) IN (SELECT slot, op_id FROM idempotency WHERE slot = ? LIMIT ?)',
    );
    this.#forgetListed = db.prepare(
      `DELETE FROM idempotency WHERE (slot, op_id) IN
         (SELECT slot, op_id FROM idempotency WHERE ${slotIsListed} LIMIT ?)`,
    );
  }

  /**
   * Keeps those of the packed records that have an idempotency key.
   * @param commit the ledger row that they are of, and its time (Unix milliseconds)
   */
  keep(records: Buffer, { lsn, atMs }: { readonly lsn: number; readonly atMs: number }): void {
    for (const { record, packed } of recordsWithIdempotencyKey(records)) {
      this.#keep.run(record.slot, record.opId, lsn, record.idempotency?.atMs ?? atMs, packed);
    }
  }

  /** The record of the write with this idempotency key. */
  find(slot: number, opId: Buffer): WriteRecord | undefined {
    const packed = this.packed(slot, opId);
    return packed && unpackRecords(packed)[0];
  }

  /** The same, packed. */
  packed(slot: number, opId: Buffer): Buffer | undefined {
    return this.#record.get(slot, opId) as Buffer | undefined;
  }

  /** Packed records of these slots after the cursor, in order of slot and op id. */
  page(slots: readonly number[], after: Cursor | undefined, { rowsMax, bytesMax }: PageLimits): NamePage {
    const names: Buffer[] = [];
    let bytes = 0;
    for (const slot of slots) {
      if (after !== undefined && slot < after.slot) continue;
      const from = slot === after?.slot ? after.key : noOpId;
      for (const [opId, record] of this.#page.all(slot, from, rowsMax - names.length) as [Buffer, Buffer][]) {
        names.push(record);
        bytes += record.length;
        if (names.length < rowsMax && bytes < bytesMax) continue;
        return { names: Buffer.concat(names), next: { slot, key: opId } };
      }
    }
    return { names: Buffer.concat(names), next: undefined };
  }

  /** Forgets keys that no client may use again. Returns how many. */
  forgetExpired(nowMs: number, rowsMax: number): number {
    return this.#forgetExpired.run(nowMs - idempotencyKeptMs, rowsMax).changes;
  }

  /** Since when the oldest of those could be forgotten, in Unix milliseconds; undefined when there is none. */
  oldestExpiry(nowMs: number): number | undefined {
    const atMs = this.#oldest.get() as number | null;
    return atMs === null || atMs + idempotencyKeptMs > nowMs ? undefined : atMs + idempotencyKeptMs;
  }

  /** Forgets at most so many keys of these slots. Returns how many there were. */
  forgetOf(slots: readonly number[], rowsMax: number): number {
    return this.#forgetListed.run(JSON.stringify(slots), rowsMax).changes;
  }

  /** The same for one slot. */
  forgetSlot(slot: number, rowsMax: number): number {
    return this.#forgetSlot.run(slot, rowsMax).changes;
  }
}
