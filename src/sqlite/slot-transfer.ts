/**
 * What a shard's file knows of slots that come and go: rows on their way in, counted and served by nobody yet;
 * slots on their way out; and garbage, rows that belong to another shard now and are purged in small steps. What
 * a shard owns it never decides here: `settle` is told by the ring.
 *
 *   transfer   one row a move that this file takes part in, or whose garbage still lies in it.
 *              in       rows of these slots may be here; keys and bytes are set once all of them are
 *              out      these slots are still counted here
 *              garbage  no longer counted: to be purged
 */

import type { Arrival } from '../kv/feed.ts';
import { recordWindowLsn } from '../kv/write-record.ts';
import type { Ring } from '../partition/ring.ts';
import type { LedgerPart, Move, MoveId } from '../rebalance/move.ts';
import { type PackedRows, RowPacker } from '../rebalance/packed-rows.ts';
import {
  type Cursor,
  isRow,
  type Row,
  type RowDelta,
  RowSum,
  rowOf,
  type SlotSum,
  unpackDelta,
} from '../rebalance/row.ts';
import type { Page, PageLimits, SealedPart, SlotStorage } from '../rebalance/slot-storage.ts';
import { SlotSums } from '../rebalance/slot-sums.ts';
import type { Database, Statement } from './database.ts';
import { slotIsListed } from './entry-table.ts';
import type { IdempotencyTable } from './idempotency-table.ts';
import type { LedgerTable } from './ledger-table.ts';

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

/** Undoes the transaction that compared. */
class SumsDiffer extends Error {}

/** What this part needs of the file around it. */
export interface FileFigures {
  readonly lsn: number;
  /** All of the work or, when it throws, nothing, and the figures as before. */
  transaction<T>(work: () => T): T;
  /** One ledger row: a higher lsn, changed counters, and records that came from elsewhere. */
  record(change: {
    readonly lsnAtLeast: number;
    readonly keys: number;
    readonly bytes: number;
    readonly records: Buffer;
    readonly arrival?: Arrival;
  }): void;
}

type TransferRow = {
  readonly move: number;
  readonly direction: 'importing' | 'migrating' | 'orphaned';
  readonly slots: string;
  readonly keys: number;
  readonly bytes: number;
  readonly arrival: string;
};

type EntryRow = [key: Buffer, version: number, contentType: string, value: Buffer, expiresAtMs: number];

const rowsAtATime = 64;
const countedInTimeOfOneRead = 30;
const firstKey = Buffer.alloc(0);
const noRecords = Buffer.alloc(0);

export class SlotTransfer implements SlotStorage {
  readonly #db: Database;
  readonly #figures: FileFigures;
  readonly #ledger: LedgerTable;
  readonly #idempotency: IdempotencyTable;
  readonly #page: Statement<[number, Buffer, number]>;
  readonly #row: Statement<[number, Buffer]>;
  readonly #put: Statement<[number, Buffer, number, string, Buffer, number]>;
  readonly #delete: Statement<[number, Buffer]>;
  readonly #deleteSome: Statement<[number, number]>;
  readonly #deleteListed: Statement<[string, number]>;
  readonly #count: Statement<[number]>;
  readonly #sums = new SlotSums();

  constructor(
    db: Database,
    figures: FileFigures,
    { ledger, idempotency }: { readonly ledger: LedgerTable; readonly idempotency: IdempotencyTable },
  ) {
    this.#db = db;
    this.#figures = figures;
    this.#ledger = ledger;
    this.#idempotency = idempotency;
    this.#page = db
      .prepare<[number, Buffer, number]>(
        'SELECT key, version, content_type, value, expires_at FROM entry WHERE slot = ? AND key > ? ORDER BY key LIMIT ?',
      )
      .raw();
    this.#row = db
      .prepare<[number, Buffer]>(
        'SELECT key, version, content_type, value, expires_at FROM entry WHERE slot = ? AND key = ?',
      )
      .raw();
    this.#put = db.prepare(
      `INSERT INTO entry (slot, key, version, content_type, value, expires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (slot, key) DO UPDATE SET version = excluded.version, content_type = excluded.content_type,
         value = excluded.value, expires_at = excluded.expires_at`,
    );
    this.#delete = db.prepare('DELETE FROM entry WHERE slot = ? AND key = ?');
    this.#count = db.prepare<[number]>('SELECT count(*) FROM entry WHERE slot = ?').pluck();
    this.#deleteListed = db.prepare(
      `DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE ${slotIsListed} LIMIT ?)`,
    );
    this.#deleteSome = db.prepare('DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE slot = ? LIMIT ?)');
  }

  /** Every write to a slot that does not come by a move says so, at once. */
  touch(slot: number): void {
    this.#sums.touch(slot);
  }

  /** Rows that move write many pages: while they do so beside clients, checkpoints come often, and none takes long. */
  set isMovingBesideClients(isSo: boolean) {
    this.#db.checkpointAfter(isSo ? 'few' : 'many');
  }

  get lsn(): number {
    return this.#figures.lsn;
  }

  /** What a move would carry no results of. */
  get forgottenLsn(): number {
    return Math.max(this.#ledger.forgottenLsn, this.#figures.lsn - recordWindowLsn);
  }

  openIncoming(move: Move): void {
    this.#figures.transaction(() => {
      // What an earlier move left of these slots must not be taken for rows of this one, nor be purged under it.
      for (const row of this.#transfers()) {
        if (row.direction !== 'migrating') this.#keepSlots(row, (slot) => !move.slots.includes(slot));
      }
      this.#idempotency.forgetSlots(move.slots);
      this.#note(move, 'importing', { keys: 0, bytes: 0 });
    });
    for (const slot of move.slots) this.#sums.touch(slot);
  }

  wipe(slots: readonly number[], rowsMax: number): boolean {
    const { changes } = this.#figures.transaction(() => this.#deleteListed.run(JSON.stringify(slots), rowsMax));
    if (changes === rowsMax) return false;
    for (const slot of slots) this.#sums.expectNone(slot);
    return true;
  }

  store(rows: PackedRows): void {
    if (rows.count === 0) return;
    this.#figures.transaction(() => {
      for (const row of rows) this.#putRow(unpackDelta(row) as Row);
    });
    this.#sums.add(rows);
  }

  apply(changes: readonly RowDelta[]): void {
    if (changes.length === 0) return;
    this.#figures.transaction(() => this.#applyEach(changes));
  }

  seal(move: Move, { changes, results, sourceLsn, forgottenLsn, expected }: SealedPart): boolean {
    try {
      this.#figures.transaction(() => {
        this.#applyEach(changes);
        const sum = this.#sumOf(move.slots);
        if (!sum.equals(expected)) throw new SumsDiffer();
        this.#ledger.forgetUpTo(forgottenLsn);
        const records = Buffer.concat(results);
        this.#figures.record({ lsnAtLeast: sourceLsn, keys: 0, bytes: 0, records, arrival: { kind: 'carried' } });
        const carriedLsn = this.#figures.lsn;
        this.#note(move, 'importing', sum, { kind: 'arrived', carriedLsn, from: move.from, sourceLsn, forgottenLsn });
      });
      return true;
    } catch (error) {
      // What was read in between is undone.
      for (const slot of move.slots) this.#sums.touch(slot);
      if (error instanceof SumsDiffer) return false;
      throw error;
    }
  }

  page(slots: readonly number[], after: Cursor | undefined, { rowsMax, bytesMax }: PageLimits): Page {
    const packer = new RowPacker();
    for (const slot of slots) {
      if (after !== undefined && slot < after.slot) continue;
      const from = slot === after?.slot ? after.key : undefined;
      const sum = this.#sums.begin(slot, from);
      for (const row of this.#rowsOf(slot, from ?? firstKey)) {
        const packed = packer.add(row);
        sum?.addPacked(packed);
        if (packer.count < rowsMax && packer.bytes < bytesMax) continue;
        this.#sums.pause(slot, row.key, sum);
        return { rows: packer.take(), next: { slot, key: row.key } };
      }
      if (sum !== undefined) this.#sums.set(slot, sum);
    }
    return { rows: packer.take(), next: undefined };
  }

  sumSome(slots: readonly number[], rowsMax: number): number {
    const unknown = slots.filter((slot) => this.#sums.of(slot) === undefined);
    let left = rowsMax;
    while (left > 0 && unknown.length > 0) left -= 1 + this.#findSum(unknown.pop() as number);
    return unknown.length;
  }

  deltaOf(slot: number, key: Buffer): RowDelta {
    const entry = this.#row.get(slot, key) as EntryRow | undefined;
    return entry === undefined ? { slot, key } : rowOfEntry(slot, entry);
  }

  ledgerSince(slots: readonly number[], lsn: number, commitsMax: number): LedgerPart {
    return this.#ledger.since(slots, { afterLsn: lsn, lastLsn: this.#figures.lsn, commitsMax });
  }

  openOutgoing(move: Move): SlotSum {
    const sum = this.#sumOf(move.slots);
    this.#figures.transaction(() => this.#note(move, 'migrating', sum));
    return sum;
  }

  forget(move: MoveId): void {
    this.#figures.transaction(() => {
      for (const row of this.#transfers()) {
        if (row.move !== move) continue;
        if (row.direction === 'migrating') this.#drop(row.move);
        if (row.direction === 'importing') this.#orphan(row);
      }
    });
  }

  /**
   * Makes the notes true to the ring: what has come is counted, what has left is garbage. Idempotent.
   * @param isOpen moves that this process takes part in right now: they are not settled yet
   * @returns the moves whose slots have come or left by this
   */
  settle(ring: Ring, shard: number, isOpen: (move: MoveId) => boolean): MoveId[] {
    return this.#figures.transaction(() => {
      const settled: MoveId[] = [];
      for (const row of this.#transfers()) {
        if (row.direction === 'orphaned') continue;
        const isOurs = ring.shardOf(slotsOf(row)[0] as number) === shard;
        const hasMoved = isOurs === (row.direction === 'importing');
        if (!hasMoved && isOpen(row.move)) continue;
        if (hasMoved) {
          settled.push(row.move);
          const sign = row.direction === 'importing' ? 1 : -1;
          this.#figures.record({
            lsnAtLeast: 0,
            keys: sign * row.keys,
            bytes: sign * row.bytes,
            records: noRecords,
            ...(row.arrival !== '' && { arrival: JSON.parse(row.arrival) as Arrival }),
          });
        }
        if (isOurs) this.#drop(row.move);
        else this.#orphan(row);
      }
      return settled;
    });
  }

  /** Slots of which rows may be here though they are not owned. */
  slotsInTransit(): ReadonlySet<number> {
    return new Set(this.#transfers().flatMap(slotsOf));
  }

  /** Deletes some garbage and gives some free pages back to the disk; false when there is neither. */
  purgeStep({ rowsMax, pagesMax }: { readonly rowsMax: number; readonly pagesMax: number }): boolean {
    const garbage = this.#transfers().find(({ direction }) => direction === 'orphaned');
    if (garbage !== undefined) {
      this.#figures.transaction(() => {
        let left = rowsMax;
        for (const slot of slotsOf(garbage)) {
          this.#sums.touch(slot);
          left -= this.#deleteSome.run(slot, left).changes;
          left -= this.#idempotency.forgetSlot(slot, left);
          if (left === 0) return;
        }
        this.#drop(garbage.move);
      });
      return true;
    }
    if (this.#db.setting('freelist_count') === 0) return false;
    this.#db.exec(`PRAGMA incremental_vacuum(${pagesMax})`);
    return true;
  }

  #applyEach(changes: readonly RowDelta[]): void {
    for (const change of changes) {
      this.#sums.touch(change.slot);
      if (isRow(change)) this.#putRow(change);
      else this.#delete.run(change.slot, change.key);
    }
  }

  #putRow({ slot, key, version, contentType, value, expiresAtMs = 0 }: Row): void {
    this.#put.run(slot, key, version, contentType, value, expiresAtMs);
  }

  #sumOf(slots: readonly number[]): RowSum {
    const sum = new RowSum();
    for (const slot of slots) {
      if (this.#sums.of(slot) === undefined) this.#findSum(slot);
      sum.addSum(this.#sums.of(slot) as RowSum);
    }
    return sum;
  }

  /**
   * By counting rows, which the index alone tells, where it is known what as many would come to; else by reading them.
   * @returns what it cost, in rows read
   */
  #findSum(slot: number): number {
    const expected = this.#sums.expectedOf(slot);
    if (expected !== undefined && expected.keys === this.#count.get(slot)) {
      this.#sums.set(slot, expected);
      return expected.keys / countedInTimeOfOneRead;
    }
    const sum = new RowSum();
    for (const row of this.#rowsOf(slot, firstKey)) sum.add(row);
    this.#sums.set(slot, sum);
    return sum.keys;
  }

  /** In key order, a few at a time: values may be large. */
  *#rowsOf(slot: number, after: Buffer): Iterable<Row> {
    let from = after;
    for (;;) {
      const found = this.#page.all(slot, from, rowsAtATime) as EntryRow[];
      for (const entry of found) yield rowOfEntry(slot, entry);
      if (found.length < rowsAtATime) return;
      from = (found.at(-1) as EntryRow)[0];
    }
  }

  #transfers(): TransferRow[] {
    return this.#db
      .prepare('SELECT move, direction, slots, keys, bytes, arrival FROM transfer ORDER BY move')
      .all() as TransferRow[];
  }

  #note(
    { id, slots }: Move,
    direction: 'importing' | 'migrating',
    { keys, bytes }: { readonly keys: number; readonly bytes: number },
    arrival?: Arrival,
  ): void {
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO transfer (move, direction, slots, keys, bytes, arrival) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(id, direction, JSON.stringify(slots), keys, bytes, arrival ? JSON.stringify(arrival) : '');
  }

  #orphan({ move }: TransferRow): void {
    this.#db.prepare("UPDATE transfer SET direction = 'orphaned' WHERE move = ?").run(move);
  }

  #keepSlots(row: TransferRow, keep: (slot: number) => boolean): void {
    const kept = slotsOf(row).filter(keep);
    if (kept.length === 0) this.#drop(row.move);
    else this.#db.prepare('UPDATE transfer SET slots = ? WHERE move = ?').run(JSON.stringify(kept), row.move);
  }

  #drop(move: MoveId): void {
    this.#db.prepare('DELETE FROM transfer WHERE move = ?').run(move);
  }
}

function slotsOf({ slots }: TransferRow): number[] {
  return JSON.parse(slots) as number[];
}

function rowOfEntry(slot: number, [key, version, contentType, value, expiresAtMs]: EntryRow): Row {
  return rowOf({ slot, key, version, contentType, value }, expiresAtMs);
}
