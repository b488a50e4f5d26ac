/**
 * Reads the rows of slots for a move, in pages and one by one, and finds what slots come to. Sums are gathered while
 * rows are read anyway (rebalance/slot-sums.ts). It never writes.
 */

import { dearInvariant } from '../ports/invariant.ts';
import { RowPacker } from '../rebalance/packed-rows.ts';
import { type Cursor, type Row, type RowDelta, RowSum, rowOf } from '../rebalance/row.ts';
import type { Page, PageLimits } from '../rebalance/slot-storage.ts';
import type { SlotSums } from '../rebalance/slot-sums.ts';
import type { Database, Statement } from './database.ts';

type EntryRow = [key: Buffer, version: number, contentType: string, value: Buffer, expiresAtMs: number];

/** Rows of one SQL statement: they lie in memory together, and values may be large. */
const rowsAtATime = 64;
/** The index is counted some thirty times as fast as rows are read. */
const countedInTimeOfOneRead = 30;
const firstKey = Buffer.alloc(0);

export class SlotReader {
  readonly #sums: SlotSums;
  readonly #page: Statement<[number, Buffer, number]>;
  readonly #row: Statement<[number, Buffer]>;
  readonly #count: Statement<[number]>;

  constructor(db: Database, sums: SlotSums) {
    this.#sums = sums;
    const columns = 'SELECT key, version, content_type, value, expires_at FROM entry WHERE slot = ?';
    this.#page = db.prepare<[number, Buffer, number]>(`${columns} AND key > ? ORDER BY key LIMIT ?`).raw();
    this.#row = db.prepare<[number, Buffer]>(`${columns} AND key = ?`).raw();
    this.#count = db.prepare<[number]>('SELECT count(*) FROM entry WHERE slot = ?').pluck();
  }

  /** Rows of these slots after the cursor, in order of slot and key. */
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

  /** What a key is now. */
  deltaOf(slot: number, key: Buffer): RowDelta {
    const entry = this.#row.get(slot, key) as EntryRow | undefined;
    return entry === undefined ? { slot, key } : rowOfEntry(slot, entry);
  }

  /** Finds sums that are not known yet, by reading about so many rows. Returns how many slots are left. */
  sumSome(slots: readonly number[], rowsMax: number): number {
    const unknown = slots.filter((slot) => this.#sums.of(slot) === undefined);
    let left = rowsMax;
    while (left > 0 && unknown.length > 0) left -= 1 + this.#findSum(unknown.pop() as number);
    return unknown.length;
  }

  /** What these slots come to, however long it takes. */
  sumOf(slots: readonly number[]): RowSum {
    const sum = new RowSum();
    for (const slot of slots) {
      if (this.#sums.of(slot) === undefined) this.#findSum(slot);
      const known = this.#sums.of(slot) as RowSum;
      dearInvariant(() => known.equals(this.#read(slot)), `what slot ${slot} comes to is not what lies in it`);
      sum.addSum(known);
    }
    return sum;
  }

  /**
   * Counts the rows, which the index alone tells, where it is known what as many would come to; else reads them.
   * @returns what it cost, in rows read
   */
  #findSum(slot: number): number {
    const expected = this.#sums.expectedOf(slot);
    if (expected !== undefined && expected.keys === this.#count.get(slot)) {
      this.#sums.set(slot, expected);
      return expected.keys / countedInTimeOfOneRead;
    }
    const sum = this.#read(slot);
    this.#sums.set(slot, sum);
    return sum.keys;
  }

  #read(slot: number): RowSum {
    const sum = new RowSum();
    for (const row of this.#rowsOf(slot, firstKey)) sum.add(row);
    return sum;
  }

  /** In key order, a few at a time. */
  *#rowsOf(slot: number, after: Buffer): Iterable<Row> {
    let from = after;
    for (;;) {
      const found = this.#page.all(slot, from, rowsAtATime) as EntryRow[];
      for (const entry of found) yield rowOfEntry(slot, entry);
      if (found.length < rowsAtATime) return;
      from = (found.at(-1) as EntryRow)[0];
    }
  }
}

function rowOfEntry(slot: number, [key, version, contentType, value, expiresAtMs]: EntryRow): Row {
  return rowOf({ slot, key, version, contentType, value }, expiresAtMs);
}
