/**
 * Reads the rows of slots for a move, in pages and one by one, and finds what slots come to. Sums are gathered while
 * rows are read anyway (rebalance/slot-sums.ts). Each step is bounded within a slot too, in rows and in bytes: all rows
 * of a shard may be of one slot. It never writes.
 */

import { dearInvariant } from '../ports/invariant.ts';
import { RowPacker } from '../rebalance/packed-rows.ts';
import { type Cursor, packedBytes, type Row, type RowDelta, RowSum, rowOf } from '../rebalance/row.ts';
import type { Page, PageLimits } from '../rebalance/slot-storage.ts';
import type { SlotSums } from '../rebalance/slot-sums.ts';
import type { Database, Statement } from './database.ts';
import { smallValue } from './entry-table.ts';

type EntryRow = [key: Buffer, version: number, contentType: string, value: Buffer, expiresAtMs: number];
type PageRow = [key: Buffer, version: number, contentType: string, smallValue: Buffer | null, expiresAtMs: number];
/** Bytes of keys and values. */
export type RowTotals = { readonly keys: number; readonly bytes: number };
type CountRow = [rows: number, lastKey: Buffer | null];

/** Rows of one SQL statement: they lie in memory together. */
const rowsAtATime = 64;
/** The index is counted some thirty times as fast as rows are read. */
const countedInTimeOfOneRead = 30;
const firstKey = Buffer.alloc(0);
const wholeSlots: PageLimits = { rowsMax: 2 ** 26, bytesMax: Number.POSITIVE_INFINITY };

export class SlotReader {
  readonly #sums: SlotSums;
  readonly #page: Statement<[number, Buffer, number]>;
  readonly #value: Statement<[number, Buffer]>;
  readonly #row: Statement<[number, Buffer]>;
  readonly #count: Statement<[number, Buffer, number]>;
  readonly #totals: Statement;

  constructor(db: Database, sums: SlotSums) {
    this.#sums = sums;
    const where = 'FROM entry WHERE slot = ? AND key';
    this.#page = db
      .prepare<[number, Buffer, number]>(
        `SELECT key, version, content_type, ${smallValue}, expires_at ${where} > ? ORDER BY key LIMIT ?`,
      )
      .raw();
    this.#totals = db.prepare(
      'SELECT count(*) AS keys, coalesce(sum(length(key) + length(value)), 0) AS bytes FROM entry',
    );
    this.#value = db.prepare<[number, Buffer]>(`SELECT value ${where} = ?`).pluck();
    this.#row = db.prepare<[number, Buffer]>(`SELECT key, version, content_type, value, expires_at ${where} = ?`).raw();
    this.#count = db
      .prepare<[number, Buffer, number]>(
        `SELECT count(*), max(key) FROM (SELECT key ${where} > ? ORDER BY key LIMIT ?)`,
      )
      .raw();
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

  /** Of all slots, owned or not. Reads the whole file. */
  totals(): RowTotals {
    return this.#totals.get() as RowTotals;
  }

  /** What a key is now. */
  deltaOf(slot: number, key: Buffer): RowDelta {
    const entry = this.#row.get(slot, key) as EntryRow | undefined;
    return entry === undefined ? { slot, key } : rowOfEntry(slot, entry);
  }

  /** Goes on finding sums that are not known yet, reading about a page of rows. Returns how many slots are left. */
  sumSome(slots: readonly number[], { rowsMax, bytesMax }: PageLimits): number {
    const unknown = slots.filter((slot) => this.#sums.of(slot) === undefined);
    let left = rowsMax;
    while (left > 0 && unknown.length > 0) {
      left -= 1 + this.#walkOn(unknown.at(-1) as number, { rowsMax: left, bytesMax: (bytesMax * left) / rowsMax });
      if (this.#sums.of(unknown.at(-1) as number) !== undefined) unknown.pop();
    }
    return unknown.length;
  }

  /** What these slots come to, however long it takes. */
  sumOf(slots: readonly number[]): RowSum {
    const sum = new RowSum();
    while (this.sumSome(slots, wholeSlots) > 0);
    for (const slot of slots) {
      const known = this.#sums.of(slot) as RowSum;
      dearInvariant(() => known.equals(this.#readAll(slot)), `what slot ${slot} comes to is not what lies in it`);
      sum.addSum(known);
    }
    return sum;
  }

  /** One step towards the sum of a slot. @returns what it cost, in rows read */
  #walkOn(slot: number, limits: PageLimits): number {
    const expected = this.#sums.expectedOf(slot);
    return expected === undefined ? this.#readOn(slot, limits) : this.#countOn(slot, expected, limits.rowsMax);
  }

  /** Counts rows, which the index alone tells, because it is known what as many as expected would come to. */
  #countOn(slot: number, expected: RowSum, rowsMax: number): number {
    const { upTo, sum } = this.#sums.walkOf(slot) ?? { upTo: firstKey, sum: new RowSum() };
    const countMax = Math.ceil(rowsMax * countedInTimeOfOneRead);
    const [rows, lastKey] = this.#count.get(slot, upTo, countMax) as CountRow;
    sum.keys += rows;
    if (rows === countMax) this.#sums.pause(slot, lastKey as Buffer, sum);
    else if (sum.keys === expected.keys) this.#sums.set(slot, expected);
    // Not what was expected: it will be read.
    else this.#sums.forget(slot);
    return rows / countedInTimeOfOneRead;
  }

  #readOn(slot: number, { rowsMax, bytesMax }: PageLimits): number {
    const { upTo, sum } = this.#sums.walkOf(slot) ?? { upTo: firstKey, sum: new RowSum() };
    let [rows, bytes] = [0, 0];
    for (const row of this.#rowsOf(slot, upTo)) {
      sum.add(row);
      bytes += packedBytes(row);
      if (++rows < rowsMax && bytes < bytesMax) continue;
      this.#sums.pause(slot, row.key, sum);
      // Few rows with many bytes take as long as many with few.
      return Math.max(rows, (rowsMax * bytes) / bytesMax);
    }
    this.#sums.set(slot, sum);
    return rows;
  }

  #readAll(slot: number): RowSum {
    const sum = new RowSum();
    for (const row of this.#rowsOf(slot, firstKey)) sum.add(row);
    return sum;
  }

  /** In key order, a few at a time, and of those each large value only once it is come to. */
  *#rowsOf(slot: number, after: Buffer): Iterable<Row> {
    let from = after;
    for (;;) {
      const found = this.#page.all(slot, from, rowsAtATime) as PageRow[];
      for (const [key, version, contentType, small, expiresAtMs] of found) {
        const value = small ?? (this.#value.get(slot, key) as Buffer);
        yield rowOfEntry(slot, [key, version, contentType, value, expiresAtMs]);
      }
      if (found.length < rowsAtATime) return;
      from = (found.at(-1) as PageRow)[0];
    }
  }
}

function rowOfEntry(slot: number, [key, version, contentType, value, expiresAtMs]: EntryRow): Row {
  return rowOf({ slot, key, version, contentType, value }, expiresAtMs);
}
