/**
 * The notes of slots that come and go. What a shard owns is never decided by them: the ring makes them true or drops
 * them. Within transactions of the file.
 *
 *   transfer   one row a move that this file takes part in, or whose orphaned rows still lie in it.
 *              importing  rows of these slots may be here; keys and bytes are set once all of them are, and `arrival`
 *                         names the rows of the ledger that have come so far
 *              migrating  these slots are still counted here
 *              orphaned   no longer counted: to be purged
 */

import type { Move, MoveId } from '../rebalance/move.ts';
import type { Database, Statement } from './database.ts';
import type { StoredArrival } from './ledger-table.ts';

export const transferDdl = `
  CREATE TABLE transfer (
    move      INTEGER PRIMARY KEY,
    direction TEXT NOT NULL CHECK (direction IN ('importing', 'migrating', 'orphaned')),
    slots     TEXT NOT NULL, -- JSON array
    keys      INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    arrival   TEXT NOT NULL DEFAULT '' -- of 'importing', once all rows are there: JSON, what the ledger will say of it
  ) STRICT;
`;

export type Transfer = {
  readonly move: MoveId;
  readonly direction: 'importing' | 'migrating' | 'orphaned';
  readonly slots: readonly number[];
  readonly keys: number;
  readonly bytes: number;
  readonly arrival: StoredArrival | undefined;
};

type TransferRow = [
  move: number,
  direction: Transfer['direction'],
  slots: string,
  keys: number,
  bytes: number,
  arrival: string,
];

export class TransferTable {
  readonly #all: Statement;
  readonly #note: Statement<[number, string, string, number, number, string]>;
  readonly #orphan: Statement<[number]>;
  readonly #keep: Statement<[string, number]>;
  readonly #drop: Statement<[number]>;

  constructor(db: Database) {
    this.#all = db.prepare('SELECT move, direction, slots, keys, bytes, arrival FROM transfer ORDER BY move').raw();
    this.#note = db.prepare(
      'INSERT OR REPLACE INTO transfer (move, direction, slots, keys, bytes, arrival) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#orphan = db.prepare("UPDATE transfer SET direction = 'orphaned', arrival = '' WHERE move = ?");
    this.#keep = db.prepare('UPDATE transfer SET slots = ? WHERE move = ?');
    this.#drop = db.prepare('DELETE FROM transfer WHERE move = ?');
  }

  /** In the order of their moves. */
  all(): Transfer[] {
    return (this.#all.all() as TransferRow[]).map(([move, direction, slots, keys, bytes, arrival]) => ({
      move,
      direction,
      slots: JSON.parse(slots) as number[],
      keys,
      bytes,
      arrival: arrival === '' ? undefined : (JSON.parse(arrival) as StoredArrival),
    }));
  }

  /** Replaces what was noted of this move. */
  note(
    { id, slots }: Move,
    direction: 'importing' | 'migrating',
    { keys, bytes }: { readonly keys: number; readonly bytes: number },
    arrival?: StoredArrival,
  ): void {
    this.#note.run(id, direction, JSON.stringify(slots), keys, bytes, arrival ? JSON.stringify(arrival) : '');
  }

  /** What is noted of this move. */
  of(move: MoveId): Transfer | undefined {
    return this.all().find((transfer) => transfer.move === move);
  }

  /** From now on the rows of its slots are to be purged. */
  orphan(move: MoveId): void {
    this.#orphan.run(move);
  }

  /** Takes slots out of a note, and drops the note when none is left. Returns whether it did. */
  removeSlots({ move, slots }: Transfer, removed: readonly number[]): boolean {
    const kept = slots.filter((slot) => !removed.includes(slot));
    if (kept.length === 0) this.drop(move);
    else this.#keep.run(JSON.stringify(kept), move);
    return kept.length === 0;
  }

  drop(move: MoveId): void {
    this.#drop.run(move);
  }
}
