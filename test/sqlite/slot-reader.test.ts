/** Rows of slots as a move reads, stores and deletes them: every page, every change and every sum. */

import { beforeEach, expect, test } from 'vitest';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import { packedBytes, type Row, RowSum, unpackDelta } from '../../src/rebalance/row.ts';
import { SlotSums } from '../../src/rebalance/slot-sums.ts';
import { SlotReader } from '../../src/sqlite/slot-reader.ts';
import { SlotWriter } from '../../src/sqlite/slot-writer.ts';
import { memoryTables } from '../support/memory-tables.ts';

const many = { rowsMax: 1_000, bytesMax: 1_000_000 };
let sums: SlotSums;
let reader: SlotReader;
let writer: SlotWriter;
beforeEach(() => {
  const { db } = memoryTables();
  sums = new SlotSums();
  reader = new SlotReader(db, sums);
  writer = new SlotWriter(db);
});

function row(slot: number, key: string, more: Partial<Row> = {}): Row {
  return { slot, key: Buffer.from(key), version: 1, contentType: 'a/b', value: Buffer.from('value'), ...more };
}

/** Two rows of slot 3, one of slot 5 with an expiry, 130 of slot 7. */
const rows = [
  row(3, 'a'),
  row(3, 'b'),
  row(5, 'c', { expiresAtMs: 9 }),
  ...Array.from({ length: 130 }, (_, n) => row(7, `${1_000 + n}`)),
];
const slots = [3, 5, 6, 7];
const unpacked = (packed: PackedRows) => [...packed].map((one) => unpackDelta(one));

function sumOf(some: readonly Row[]): RowSum {
  const sum = new RowSum();
  for (const one of some) sum.add(one);
  return sum;
}

test('one page has all rows in order, and every slot is summed then', () => {
  writer.store(PackedRows.of([...rows].reverse()));
  const page = reader.page(slots, undefined, many);
  expect([unpacked(page.rows), page.next]).toEqual([rows, undefined]);
  expect(slots.map((slot) => sums.of(slot))).toEqual(
    slots.map((slot) => sumOf(rows.filter((one) => one.slot === slot))),
  );
});

test.each([1, 2, 3, 64, 65, 133])('pages of %i rows have each row once, and sum as one page does', (rowsMax) => {
  writer.store(PackedRows.of(rows));
  const found: unknown[] = [];
  let after: ReturnType<typeof reader.page>['next'];
  for (let pages = 0; pages < 200; pages++) {
    const page = reader.page(slots, after, { ...many, rowsMax });
    expect(page.rows.count).toBeLessThanOrEqual(rowsMax);
    found.push(...unpacked(page.rows));
    after = page.next;
    if (after === undefined) break;
    expect(page.rows.count).toBe(rowsMax);
  }
  expect(found).toEqual(rows);
  expect(sums.of(7)).toEqual(sumOf(rows.slice(3)));
});

test('a page ends with the row that makes it large enough', () => {
  writer.store(PackedRows.of(rows));
  const bytesMax = 2 * packedBytes(row(3, 'a'));
  expect(reader.page(slots, undefined, { ...many, bytesMax })).toMatchObject({
    next: { slot: 3, key: Buffer.from('b') },
  });
  expect(reader.page(slots, undefined, { ...many, bytesMax: bytesMax + 1 }).next?.slot).toBe(5);
});

test('a page that begins where none ended sums nothing of its first slot', () => {
  writer.store(PackedRows.of(rows));
  const page = reader.page([3, 5], { slot: 3, key: Buffer.from('a') }, many);
  expect(unpacked(page.rows)).toEqual([rows[1], rows[2]]);
  expect([sums.of(3), sums.of(5)]).toEqual([undefined, sumOf([rows[2] as Row])]);
});

test('a key is its row, or a deletion', () => {
  writer.store(PackedRows.of(rows));
  expect(reader.deltaOf(5, Buffer.from('c'))).toEqual(rows[2]);
  expect(reader.deltaOf(3, Buffer.from('c'))).toEqual({ slot: 3, key: Buffer.from('c') });
});

test('changes replace rows and delete them', () => {
  writer.store(PackedRows.of(rows));
  const changed = row(3, 'a', { version: 2, value: Buffer.from('other'), contentType: '', expiresAtMs: 5 });
  writer.apply(changed);
  writer.apply({ slot: 3, key: Buffer.from('b') });
  expect(unpacked(reader.page([3], undefined, many).rows)).toEqual([changed]);
});

const steps = (rowsMax: number) => ({ rowsMax, bytesMax: 1_000_000 });

test('sums are found by steps, within a slot too, and those that are known cost nothing', () => {
  writer.store(PackedRows.of(rows));
  sums.set(3, new RowSum());
  expect(reader.sumSome(slots, steps(0))).toBe(3);
  // Slot 7 comes first, and its 130 rows are more than a step.
  expect([reader.sumSome(slots, steps(100)), sums.walkOf(7)?.sum.keys, sums.of(7)]).toEqual([3, 100, undefined]);
  expect(reader.sumSome(slots, steps(31))).toBe(2);
  expect([sums.of(7)?.keys, sums.of(6), sums.of(3)?.keys]).toEqual([130, undefined, 0]);
  expect([reader.sumSome(slots, steps(10)), reader.sumSome(slots, steps(10))]).toEqual([0, 0]);
  expect(reader.sumOf([5, 7])).toEqual(sumOf(rows.slice(2)));
});

test('a step of large rows ends by their bytes', () => {
  const large = Array.from({ length: 9 }, (_, n) => row(5, `large ${n}`, { value: Buffer.alloc(10_000, n) }));
  writer.store(PackedRows.of(large));
  expect(reader.sumSome([5], { rowsMax: 512, bytesMax: 25_000 })).toBe(1);
  expect(sums.walkOf(5)?.sum.keys).toBe(3);
  while (reader.sumSome([5], { rowsMax: 512, bytesMax: 25_000 }) > 0);
  expect(sums.of(5)).toEqual(sumOf(large));
});

test('what was summed while it was stored is only counted', () => {
  for (const slot of slots) sums.expectNone(slot);
  const packed = PackedRows.of(rows);
  writer.store(packed);
  sums.add(packed);
  const expected = sums.expectedOf(7);
  // Counting 130 rows costs less than a step of ten.
  expect(reader.sumSome(slots, steps(10))).toBe(0);
  expect(sums.of(7)).toBe(expected);
  for (const slot of slots) sums.expectNone(slot);
  sums.add(packed);
  // So does counting the last ten of them.
  expect([reader.sumSome([7], steps(4)), sums.walkOf(7)?.sum.keys]).toEqual([1, 120]);
  expect([reader.sumSome([7], steps(1)), sums.of(7)]).toEqual([0, sumOf(rows.slice(3))]);
  sums.expectNone(3);
  expect(reader.sumOf([3])).toMatchObject({ keys: 2, bytes: 12 });
});

test('rows are deleted in steps, of many slots or of one', () => {
  writer.store(PackedRows.of(rows));
  expect([writer.deleteOf([3, 5], 2), writer.deleteOf([3, 5], 2), writer.deleteOf([3, 5], 2)]).toEqual([2, 1, 0]);
  expect([writer.deleteOfSlot(7, 100), writer.deleteOfSlot(7, 100), writer.deleteOfSlot(3, 1)]).toEqual([100, 30, 0]);
});
