/** The ledger's rows, kept for resends, the feed and moves: which are there, which have gone, and what is known of both. */

import { beforeEach, describe, expect, test } from 'vitest';
import { packRecords, recordWindowLsn, unpackRecords, type WriteRecord } from '../../src/kv/write-record.ts';
import type { Cursor } from '../../src/rebalance/row.ts';
import { defaultLedgerLimits, LedgerTable } from '../../src/sqlite/ledger-table.ts';
import { memoryTables } from '../support/memory-tables.ts';

const dayMs = 24 * 3_600_000;
const noRecords = Buffer.alloc(0);
const unlimited = Number.POSITIVE_INFINITY;

let tables: ReturnType<typeof memoryTables>;
let ledger: LedgerTable;
beforeEach(() => {
  tables = memoryTables();
  ledger = tables.ledger;
});

function record(version: number, more: Partial<WriteRecord> = {}): WriteRecord {
  const opId = Buffer.alloc(16);
  opId.writeUInt32LE(version);
  return { opId, slot: 1, shard: 1, key: Buffer.from('key'), outcome: { kind: 'created', version }, ...more };
}

type Row = Partial<Parameters<LedgerTable['append']>[0]>;

function append(lsn: number, records: readonly WriteRecord[] = [record(lsn)], more: Row = {}): void {
  const packed = packRecords(records);
  const hasIdempotencyKeys = records.some(({ idempotency }) => idempotency !== undefined);
  ledger.append({
    lsn,
    keys: 0,
    bytes: 0,
    atMs: 0,
    records: packed,
    writes: records.length,
    hasIdempotencyKeys,
    ...more,
  });
}

const versionsOf = (packed: Buffer) => unpackRecords(packed).map(({ outcome }) => outcome.version);

test('its last row has the counters of the file', () => {
  expect(ledger.counters()).toEqual({ lsn: 0, keys: 0, bytes: 0 });
  append(1, [], { keys: 5, bytes: 50 });
  append(7, [], { keys: 6, bytes: 60 });
  expect(ledger.counters()).toEqual({ lsn: 7, keys: 6, bytes: 60 });
  expect(new LedgerTable(tables.db, tables.idempotency).reload()).toEqual({ lsn: 7, keys: 6, bytes: 60 });
});

test('a write is found by its op id, if it came after what its writer had seen', () => {
  append(2, [record(1), record(2)]);
  append(3);
  expect(ledger.find(record(2).opId, 0)).toEqual(record(2));
  expect(ledger.find(record(3).opId, 2)).toEqual(record(3));
  expect(ledger.find(record(2).opId, 2)).toBeUndefined();
  expect(ledger.find(record(4).opId, 0)).toBeUndefined();
});

const at = (lsn: number) => ({ lsn, carried: 0 });

describe('the feed', () => {
  test('gives rows in order, as many as are asked for', () => {
    for (const lsn of [1, 2, 5]) append(lsn);
    const lsnsOf = (after: number, rowsMax: number) => ledger.feed(at(after), rowsMax).map(({ lsn }) => lsn);
    expect([lsnsOf(0, 9), lsnsOf(0, 2), lsnsOf(2, 9), lsnsOf(5, 9), lsnsOf(0, 0)]).toEqual([
      [1, 2, 5],
      [1, 2],
      [5],
      [],
      [],
    ]);
    expect(ledger.feed(at(4), 1)).toEqual([{ lsn: 5, arrival: undefined, records: packRecords([record(5)]) }]);
  });

  test('ends a page once it is a mebibyte', () => {
    const large = packRecords([record(1, { key: Buffer.alloc(60_000) })]);
    const records = Buffer.concat(Array(9).fill(large));
    for (let lsn = 1; lsn <= 4; lsn++) append(lsn, [], { records, writes: 9 });
    expect(ledger.feed(at(0), 9)).toHaveLength(2);
  });

  test('gives what came with slots where they arrived, and not before', () => {
    const came = { kind: 'arrived', from: 2, sourceLsn: 40, forgottenLsn: 9 } as const;
    append(3, [record(33)], { arrival: { kind: 'carried' }, writes: 0 });
    append(5, [], { arrival: { ...came, carried: [{ lsn: 3, records: 1 }] }, writes: 0 });
    expect(ledger.feed(at(0), 9)).toEqual([
      { lsn: 3, arrival: { kind: 'carried' }, records: noRecords },
      { lsn: 5, arrival: { ...came, recordsBefore: 0, isLast: true }, records: packRecords([record(33)]) },
    ]);
    // Pruned meanwhile.
    append(6, [], { arrival: { ...came, carried: [{ lsn: 2, records: 1 }] }, writes: 0 });
    const unknown = { ...came, forgottenLsn: 40, recordsBefore: 0, isLast: true };
    expect(ledger.feed(at(5), 9)).toEqual([{ lsn: 6, arrival: unknown, records: noRecords }]);
  });

  test('gives many records that came with slots in pages, from any place among them, each once', () => {
    const came = { kind: 'arrived', from: 2, sourceLsn: 40, forgottenLsn: 9 } as const;
    const long = (version: number) => record(version, { key: Buffer.alloc(1_000, version) });
    const versions = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);
    // One row of an older version, which has all, and two that are small.
    append(50, versions(1, 900).map(long), { arrival: { kind: 'carried' }, writes: 0 });
    append(51, [], { arrival: { kind: 'carried' }, writes: 0 });
    append(52, versions(901, 3).map(long), { arrival: { kind: 'carried' }, writes: 0 });
    const carried = [50, 51, 52].map((lsn, index) => ({ lsn, records: [900, 0, 3][index] as number }));
    append(60, [], { arrival: { ...came, carried }, writes: 0 });
    append(61, [record(61)]);
    for (const begin of [0, 1, 450, 899, 900, 902, 903, 999]) {
      const found: number[] = [];
      for (let place = { lsn: 52, carried: begin }; ; ) {
        const [row, ...others] = ledger.feed(place, 9);
        if (row?.arrival?.kind !== 'arrived') throw new Error('no arrival');
        expect(row.records.length).toBeLessThan(300 * 1024);
        found.push(...versionsOf(row.records));
        expect(row.arrival.recordsBefore).toBe(Math.min(place.carried, 903));
        place = { lsn: 52, carried: place.carried + versionsOf(row.records).length };
        expect(others.map(({ lsn }) => lsn)).toEqual(row.arrival.isLast ? [61] : []);
        if (row.arrival.isLast) break;
      }
      expect(found).toEqual(versions(begin + 1, Math.max(903 - begin, 0)));
    }
  });
});

describe('the part that goes with slots', () => {
  const lastLsn = 100;
  const since = (afterLsn: number, commitsMax = unlimited, slots = [1]) =>
    ledger.since(slots, { afterLsn, lastLsn, commitsMax, bytesMax: unlimited });

  test('is what was written to them, each record once', () => {
    append(1, [record(1), record(2, { slot: 2 })]);
    append(9, [record(3), record(1)], { arrival: { kind: 'carried' } });
    const { results, upToLsn, isWhole } = since(0);
    expect([versionsOf(results), upToLsn, isWhole]).toEqual([[1, 3], lastLsn, true]);
    expect(versionsOf(since(1).results)).toEqual([1, 3]);
    expect(versionsOf(since(0, unlimited, [1, 2]).results).sort()).toEqual([1, 2, 3]);
    expect(since(0, unlimited, []).results).toEqual(noRecords);
  });

  test('has no record that is older than what is pruned, also where slots have brought it back', () => {
    tables.db.exec('UPDATE standing SET pruned_lsn = 4');
    append(9, [record(3), record(5)], { arrival: { kind: 'carried' } });
    expect(versionsOf(since(0).results)).toEqual([5]);
  });

  test('is given in steps of so many commits', () => {
    for (const lsn of [1, 4, 6]) append(lsn);
    const first = since(0, 2);
    expect([versionsOf(first.results), first.upToLsn, first.isWhole]).toEqual([[1, 4], 4, false]);
    const second = since(4, 2);
    expect([versionsOf(second.results), second.upToLsn, second.isWhole]).toEqual([[6], lastLsn, true]);
    expect(since(0, 3)).toMatchObject({ upToLsn: 6, isWhole: false });
    expect(since(0, 4)).toMatchObject({ upToLsn: lastLsn, isWhole: true });
  });

  test('ends with the commit that makes it large enough', () => {
    for (const lsn of [1, 4, 6]) append(lsn);
    const bytes = packRecords([record(1)]).length;
    const part = (bytesMax: number) =>
      ledger.since([1], { afterLsn: 0, lastLsn: 6, commitsMax: unlimited, bytesMax }).upToLsn;
    expect([part(1), part(bytes), part(bytes + 1), part(9 * bytes)]).toEqual([1, 1, 4, 6]);
  });

  test('leaves out what is older than any resend asks for', () => {
    append(1, [record(1), record(2)]);
    append(recordWindowLsn, [record(recordWindowLsn)]);
    const late = { afterLsn: 0, lastLsn: recordWindowLsn + 2, commitsMax: unlimited, bytesMax: unlimited };
    expect(versionsOf(ledger.since([1], late).results)).toEqual([recordWindowLsn]);
    expect(versionsOf(ledger.since([2], late).results)).toEqual([]);
  });
});

describe('pruning', () => {
  function appendOf(lsn: number, writes: number): void {
    append(lsn, [], { records: noRecords, writes });
  }

  /** Rows of so many writes each, one lsn a row. */
  function fill(rows: number, writes: number, atMs: (lsn: number) => number = () => 0): void {
    for (let lsn = 1; lsn <= rows; lsn++) append(lsn, [], { records: noRecords, writes, atMs: atMs(lsn) });
  }
  const oldestLsn = () => ledger.feed(at(0), 1)[0]?.lsn;

  test('leaves rows of no more bytes than are allowed, says what is gone, and counts the same after a restart', () => {
    const limits = { ...defaultLedgerLimits, bytesMax: 64_000 };
    const large = packRecords([record(1, { key: Buffer.alloc(969) })]);
    const bytesKept = () => tables.db.prepare('SELECT total(length(records)) FROM ledger').pluck().get() as number;
    let small = new LedgerTable(tables.db, tables.idempotency, limits);
    for (let lsn = 1; lsn <= 500; lsn++) {
      if (lsn === 250) small = new LedgerTable(tables.db, tables.idempotency, limits);
      small.append({ lsn, keys: 0, bytes: 0, atMs: 0, records: large, writes: 1, hasIdempotencyKeys: false });
      expect(bytesKept()).toBeLessThanOrEqual(limits.bytesMax);
    }
    const oldest = small.feed(at(0), 1)[0]?.lsn as number;
    expect([oldest > 430, small.prunedLsn, small.forgottenLsn]).toEqual([true, oldest - 1, oldest - 1]);
    // One row alone may be larger: it has the file's counters.
    const huge = Buffer.concat(Array(100).fill(large));
    for (const lsn of [501, 502]) {
      small.append({ lsn, keys: 7, bytes: 8, atMs: 0, records: huge, writes: 1, hasIdempotencyKeys: false });
    }
    expect([small.feed(at(0), 9).map(({ lsn }) => lsn), small.counters()]).toEqual([
      [502],
      { lsn: 502, keys: 7, bytes: 8 },
    ]);
  });

  test('leaves the last 4,096 rows, whatever they are', () => {
    fill(4_096 + 255, 1_000);
    expect([oldestLsn(), ledger.prunedLsn, ledger.forgottenLsn]).toEqual([1, 0, 0]);
    appendOf(4_096 + 256, 1_000);
    expect([oldestLsn(), ledger.prunedLsn, ledger.forgottenLsn]).toEqual([257, 256, 256]);
  });

  test('leaves the last 100,000 writes of a day', () => {
    fill(4_096 + 256, 22);
    expect(oldestLsn()).toBe(1);
    // 22 writes a row: 100,000 are 4,546 rows; the 256 oldest of 4,864 may go.
    for (let lsn = 4_353; lsn <= 4_864; lsn++) appendOf(lsn, 22);
    expect(oldestLsn()).toBe(257);
  });

  test('takes what is older than a day, however few writes there were', () => {
    fill(4_096 + 255, 1, (lsn) => (lsn <= 256 ? 1 : dayMs));
    append(4_352, [], { atMs: dayMs });
    expect(oldestLsn()).toBe(1);
    for (let lsn = 4_353; lsn <= 4_608; lsn++) append(lsn, [], { atMs: dayMs + 1 });
    expect(oldestLsn()).toBe(257);
  });

  test('counts on from what was there when the file was opened', () => {
    fill(4_096 + 255, 1_000);
    ledger = new LedgerTable(tables.db, tables.idempotency);
    appendOf(4_352, 1_000);
    expect(oldestLsn()).toBe(257);
  });

  test('counts nothing that was taken back', () => {
    const { tally } = ledger;
    fill(300, 10);
    expect(ledger.tally).toEqual({ rows: 300, writes: 3_000, bytes: 0 });
    ledger.restore(tally);
    expect(ledger.tally).toEqual({ rows: 0, writes: 0, bytes: 0 });
  });

  test('what a move says is forgotten only grows, and prunes nothing', () => {
    ledger.forgetUpTo(9);
    ledger.forgetUpTo(4);
    expect([ledger.forgottenLsn, ledger.prunedLsn]).toEqual([9, 0]);
  });
});

describe('idempotency keys', () => {
  const named = (version: number, slot: number, atMs = 1_000): WriteRecord =>
    record(version, { slot, idempotency: { fingerprint: Buffer.alloc(8, version), atMs } });

  test('are kept for a day from when they were first used, and forgotten in steps', () => {
    append(3, [named(1, 1), record(2), named(3, 2, 2_000)], { atMs: 9_000 });
    const { idempotency } = tables;
    expect(idempotency.find(1, record(1).opId)).toEqual(named(1, 1));
    expect(idempotency.find(2, record(1).opId)).toBeUndefined();
    expect(idempotency.find(1, record(2).opId)).toBeUndefined();
    expect(idempotency.forgetExpired(1_000 + dayMs - 1, 10)).toBe(0);
    expect(idempotency.forgetExpired(1_000 + dayMs, 10)).toBe(1);
    expect(idempotency.forgetExpired(5_000 + dayMs, 10)).toBe(1);
  });

  test('are forgotten with the slots that have gone', () => {
    const { idempotency } = tables;
    append(
      5,
      [1, 2, 3, 4, 5].map((version) => named(version, version % 2)),
    );
    expect(idempotency.forgetSlot(1, 2)).toBe(2);
    expect(idempotency.forgetSlot(1, 2)).toBe(1);
    expect([idempotency.forgetOf([7, 0], 1), idempotency.forgetOf([7, 0], 9)]).toEqual([1, 1]);
    expect(idempotency.page([0, 1], undefined, { rowsMax: 9, bytesMax: 999 }).names).toEqual(Buffer.alloc(0));
  });

  test('are given in pages, bounded by number and by bytes, also within a slot', () => {
    const { idempotency } = tables;
    append(3, [named(1, 1), named(2, 1), named(3, 2), named(4, 5)]);
    append(8, [named(8, 1)]);
    const everyPage = (rowsMax: number, bytesMax: number) => {
      const pages: number[][] = [];
      for (let after: Cursor | undefined; ; ) {
        const { names, next } = idempotency.page([1, 2], after, { rowsMax, bytesMax });
        pages.push(versionsOf(names));
        if (next === undefined) return pages;
        after = next;
      }
    };
    const bytes = packRecords([named(1, 1)]).length;
    expect(everyPage(9, 9_999)).toEqual([[1, 2, 8, 3]]);
    expect(everyPage(3, 9_999)).toEqual([[1, 2, 8], [3]]);
    expect(everyPage(9, bytes + 1)).toEqual([[1, 2], [8, 3], []]);
    expect(everyPage(1, 9_999)).toEqual([[1], [2], [8], [3], []]);
  });
});

describe('notes of transfers', () => {
  const move = { id: 4, from: 1, to: 2, slots: [1, 2, 3] };
  const note = { move: 4, direction: 'importing', slots: [1, 2, 3], keys: 5, bytes: 6, arrival: undefined };

  test('are replaced, orphaned, narrowed and dropped', () => {
    const { transfers } = tables;
    const all = () => transfers.all();
    transfers.note(move, 'migrating', { keys: 1, bytes: 1 });
    const arrival = {
      kind: 'arrived',
      carried: [{ lsn: 1, records: 2 }],
      from: 1,
      sourceLsn: 2,
      forgottenLsn: 0,
    } as const;
    transfers.note(move, 'importing', { keys: 5, bytes: 6 }, arrival);
    expect(all()).toEqual([{ ...note, arrival }]);
    transfers.note({ ...move, id: 3 }, 'importing', { keys: 5, bytes: 6 });
    expect(all().map((one) => one.move)).toEqual([3, 4]);
    transfers.orphan(3);
    expect(all()[0]).toEqual({ ...note, move: 3, direction: 'orphaned' });
    transfers.removeSlots({ ...note, move: 3, direction: 'orphaned' }, [2, 9]);
    expect(all()[0]?.slots).toEqual([1, 3]);
    transfers.removeSlots({ ...note, move: 3, direction: 'orphaned' }, [1, 2, 3]);
    expect(all().map((one) => one.move)).toEqual([4]);
    transfers.drop(4);
    expect(all()).toEqual([]);
  });
});
