/**
 * The table of idempotency keys: one row for each write that has one, kept as long as the client may send it again.
 * Rows lie by slot, and move with it. Within transactions of the file.
 */

import { idempotencyKeptMs } from '../kv/idempotency-key.ts';
import { recordsWithIdempotencyKey, unpackRecords, type WriteRecord } from '../kv/write-record.ts';
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

export class IdempotencyTable {
  readonly #keep: Statement<[number, Buffer, number, number, Buffer]>;
  readonly #record: Statement<[number, Buffer]>;
  readonly #recordsOf: Statement<[string, number, number]>;
  readonly #forgetExpired: Statement<[number, number]>;
  readonly #oldest: Statement;
  readonly #forgetSlot: Statement<[number, number]>;
  readonly #forgetSlots: Statement<[string]>;

  constructor(db: Database) {
    this.#keep = db.prepare(
      'INSERT OR REPLACE INTO idempotency (slot, op_id, lsn, at_ms, record) VALUES (?, ?, ?, ?, ?)',
    );
    this.#record = db.prepare<[number, Buffer]>('SELECT record FROM idempotency WHERE slot = ? AND op_id = ?').pluck();
    this.#recordsOf = db
      .prepare<[string, number, number]>(
        `SELECT record FROM idempotency WHERE ${slotIsListed} AND lsn > ? AND lsn <= ?`,
      )
      .pluck();
    this.#forgetExpired = db.prepare(
      'DELETE FROM idempotency WHERE (slot, op_id) IN (SELECT slot, op_id FROM idempotency WHERE at_ms <= ? LIMIT ?)',
    );
    this.#oldest = db.prepare('SELECT min(at_ms) FROM idempotency').pluck();
    this.#forgetSlot = db.prepare(
      'DELETE FROM idempotency WHERE (slot, op_id) IN (SELECT slot, op_id FROM idempotency WHERE slot = ? LIMIT ?)',
    );
    this.#forgetSlots = db.prepare(`DELETE FROM idempotency WHERE ${slotIsListed}`);
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
    const packed = this.#record.get(slot, opId) as Buffer | undefined;
    return packed && unpackRecords(packed)[0];
  }

  /** The packed records of these slots, of commits after `afterLsn` and up to `upToLsn`. */
  recordsOf(slots: readonly number[], afterLsn: number, upToLsn: number): Buffer[] {
    return this.#recordsOf.all(JSON.stringify(slots), afterLsn, upToLsn) as Buffer[];
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

  /** Forgets all keys of these slots. */
  forgetSlots(slots: readonly number[]): void {
    this.#forgetSlots.run(JSON.stringify(slots));
  }

  /** The same for one slot, in steps. Returns how many were forgotten. */
  forgetSlot(slot: number, rowsMax: number): number {
    return this.#forgetSlot.run(slot, rowsMax).changes;
  }
}
