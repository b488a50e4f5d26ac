/** No single step reads much: not of large values, not of many folders, not of rows that nobody may see. */

import { beforeEach, describe, expect, test } from 'vitest';
import { listBytesMax } from '../../src/kv/listing.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { slotOf } from '../../src/partition/slot.ts';
import { SlotSums } from '../../src/rebalance/slot-sums.ts';
import { FileAudit } from '../../src/sqlite/file-audit.ts';
import { KeyListing } from '../../src/sqlite/key-listing.ts';
import { SlotReader } from '../../src/sqlite/slot-reader.ts';
import { memoryTables } from '../support/memory-tables.ts';
import { listQuery } from '../support/operations.ts';

const mebibyte = 1024 * 1024;
const everybody = () => true;
let tables: ReturnType<typeof memoryTables>;
beforeEach(() => {
  tables = memoryTables();
});

function insert(text: string, value: Buffer = Buffer.from('value')): number {
  const key = Buffer.from(text);
  tables.entries.insert(slotOf(key), key, { version: 1, contentType: 'a/b', value });
  return slotOf(key);
}

/** Bytes of buffers that a step leaves behind: nothing is collected while it runs. */
function bytesReadBy(step: () => void): number {
  const before = process.memoryUsage().arrayBuffers;
  step();
  return process.memoryUsage().arrayBuffers - before;
}

describe('of 64 values of 1 MiB', () => {
  let slot: number;
  beforeEach(() => {
    for (let n = 0; n < 64; n++) slot = insert(`{tag}${n}`, Buffer.alloc(mebibyte, n));
  });

  test('a page of a listing reads those that it has', () => {
    const listing = new KeyListing(tables.db, Date.now);
    const bytes = bytesReadBy(() => {
      const { entries, next } = listing.page(listQuery({ values: true, limit: 1_000 }), 0, everybody);
      expect([entries.length, next?.kind]).toEqual([listBytesMax / mebibyte, 'key']);
    });
    expect(bytes).toBeLessThan(listBytesMax + mebibyte);
  });

  test('a page of a move reads those that it has, and summing no more', () => {
    const limits = { rowsMax: 512, bytesMax: mebibyte / 4 };
    const reader = new SlotReader(tables.db, new SlotSums());
    // Each row is read, and packed into room for twice as much.
    expect(bytesReadBy(() => reader.page([slot], undefined, limits))).toBeLessThan(4 * mebibyte);
    expect(bytesReadBy(() => reader.sumSome([slot], limits))).toBeLessThan(4 * mebibyte);
  });

  test('a step of an audit reads one or two', () => {
    const audit = new FileAudit(tables.db, {
      counters: () => ({ lsn: 1, keys: 64, bytes: 64 * (mebibyte + 7) - 10 }),
      slotsInTransit: () => new Set(),
      ring: firstRing(new Map([[1, 1]])),
      shard: 1,
    });
    expect(bytesReadBy(() => audit.step(256))).toBeLessThan(4 * mebibyte);
    while (audit.step(256));
    expect(audit.report()).toMatchObject({ keys: 64, faults: [] });
  });
});

describe('a page of a listing', () => {
  /** A listing that says how many rows and statements it took. */
  function counted(now: () => number = () => 0) {
    const read = { rows: 0, statements: 0 };
    const { db } = tables;
    const prepare = db.prepare.bind(db);
    db.prepare = ((sql: string) => {
      const statement = prepare(sql);
      const all = statement.all.bind(statement);
      statement.all = (...parameters: unknown[]) => {
        const rows = all(...parameters);
        read.rows += rows.length;
        read.statements++;
        return rows;
      };
      return statement;
    }) as typeof db.prepare;
    return { listing: new KeyListing(db, now), read };
  }

  test('of 300 folders looks at one row of each', () => {
    for (let folder = 0; folder < 300; folder++) for (let n = 0; n < 130; n++) insert(`${1_000 + folder}/${n}`);
    const { listing, read } = counted();
    const page = listing.page(listQuery({ delimiter: '/', limit: 1_000 }), 0, everybody);
    expect([page.entries.length, page.next]).toEqual([300, undefined]);
    expect(read).toEqual({ rows: 300, statements: 301 });
  });

  test('of keys without a folder looks at more with each statement', () => {
    for (let n = 0; n < 900; n++) insert(`${1_000 + n}`);
    const { listing, read } = counted();
    const page = listing.page(listQuery({ delimiter: '/', limit: 1_000 }), 0, everybody);
    expect(page.entries.length).toBe(900);
    expect(read.statements).toBeLessThan(16);
  });

  test('ends when it has looked at much, also of what nobody may see', () => {
    for (let n = 0; n < 5_000; n++) insert(`${10_000 + n}`);
    const { listing, read } = counted();
    const page = listing.page(listQuery({ limit: 1_000 }), 0, () => false);
    expect([page.entries, page.next?.kind]).toEqual([[], 'key']);
    expect(read.rows).toBeLessThan(2_200);
  });

  test('ends when it has taken long, with what it has found', () => {
    for (let n = 0; n < 900; n++) insert(`${1_000 + n}`);
    let nowMs = 0;
    const { listing } = counted(() => {
      nowMs += 4;
      return nowMs;
    });
    const page = listing.page(listQuery({ limit: 1_000 }), 0, everybody);
    expect([page.entries.length, page.next]).toEqual([3 * 128, { kind: 'key', bytes: Buffer.from('1383') }]);
  });
});
