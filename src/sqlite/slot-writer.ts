/**
 * Stores the rows of slots that come by a move, and deletes those of slots that have gone. Neither is counted: what the
 * file holds changes only when a move is settled. Within transactions of the file.
 */

import type { PackedRows } from '../rebalance/packed-rows.ts';
import { isRow, type Row, type RowDelta, unpackDelta } from '../rebalance/row.ts';
import type { Database, Statement } from './database.ts';
import { slotIsListed } from './entry-table.ts';

export class SlotWriter {
  readonly #put: Statement<[number, Buffer, number, string, Buffer, number]>;
  readonly #delete: Statement<[number, Buffer]>;
  readonly #deleteSome: Statement<[number, number]>;
  readonly #deleteListed: Statement<[string, number]>;

  constructor(db: Database) {
    this.#put = db.prepare(
      `INSERT INTO entry (slot, key, version, content_type, value, expires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (slot, key) DO UPDATE SET version = excluded.version, content_type = excluded.content_type,
         value = excluded.value, expires_at = excluded.expires_at`,
    );
    this.#delete = db.prepare('DELETE FROM entry WHERE slot = ? AND key = ?');
    this.#deleteListed = db.prepare(
      `DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE ${slotIsListed} LIMIT ?)`,
    );
    this.#deleteSome = db.prepare('DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE slot = ? LIMIT ?)');
  }

  store(rows: PackedRows): void {
    for (const row of rows) this.#store(unpackDelta(row) as Row);
  }

  apply(change: RowDelta): void {
    if (isRow(change)) this.#store(change);
    else this.#delete.run(change.slot, change.key);
  }

  /** Deletes at most so many rows of these slots. Returns how many there were. */
  deleteOf(slots: readonly number[], rowsMax: number): number {
    return this.#deleteListed.run(JSON.stringify(slots), rowsMax).changes;
  }

  /** The same for one slot. */
  deleteOfSlot(slot: number, rowsMax: number): number {
    return this.#deleteSome.run(slot, rowsMax).changes;
  }

  #store({ slot, key, version, contentType, value, expiresAtMs = 0 }: Row): void {
    this.#put.run(slot, key, version, contentType, value, expiresAtMs);
  }
}
