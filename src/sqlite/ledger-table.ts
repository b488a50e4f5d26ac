/**
 * The ledger: one row a commit, with the last lsn of the batch, the file's counters after it, and a record of each
 * write (kv/write-record.ts). A resend is answered from it, the feed of changes reads it, and its last row says what
 * the file holds. Rows with an `arrival` are about records that came with moved slots. Within transactions of the file.
 */

import type { FeedRow, Place, ShardId } from '../kv/feed.ts';
import {
  allRecords,
  findRecord,
  measureRecords,
  recordWindowLsn,
  selectRecords,
  versionOfPacked,
  type WriteRecord,
} from '../kv/write-record.ts';
import { slotCount } from '../partition/slot.ts';
import type { LedgerPart } from '../rebalance/move.ts';
import type { PartLimits } from '../rebalance/slot-storage.ts';
import type { Database, Statement } from './database.ts';
import type { FileCounters } from './file-counters.ts';
import type { IdempotencyTable } from './idempotency-table.ts';

export const ledgerDdl = `
  CREATE TABLE ledger (
    lsn     INTEGER PRIMARY KEY,
    keys    INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    writes  INTEGER NOT NULL, -- of all rows up to this one
    at_ms   INTEGER NOT NULL,
    arrival TEXT, -- JSON: records that came from another shard
    records BLOB NOT NULL
  ) STRICT;
`;

export type LedgerLimits = {
  /**
   * Commits whose records are kept at least. A resend from before the oldest row is answered `outcome-unknown`, never
   * guessed.
   */
  readonly rowsMin: number;
  /** The feed of changes goes back so many writes, or so long, whichever is less. */
  readonly writesKept: number;
  readonly writesKeptMs: number;
  /**
   * The records of all rows come to no more bytes, but for those of the last one, however few the rows are then. As
   * with any row that is gone, what it had is told to be forgotten.
   */
  readonly bytesMax: number;
  /** Old rows leave in runs, so that most commits touch only the newest page of the ledger. */
  readonly rowsPruned: number;
};

export const defaultLedgerLimits: LedgerLimits = {
  // A router resends within its hold deadline, hundreds of commits at most after the first try.
  rowsMin: 4_096,
  writesKept: 100_000,
  writesKeptMs: 24 * 3_600_000,
  // A million records of usual keys, sixty thousand of the longest: more than a second's writes of any machine.
  bytesMax: 64 * 1024 * 1024,
  rowsPruned: 256,
};

/** Of one page of the feed, but for its last row. */
export const feedBytesMax = 1024 * 1024;
/** Of the records that one row of an arrival has in the feed, but for the last one. */
const arrivalBytesMax = 256 * 1024;
/** The part of `bytesMax` by which the ledger shrinks when it is full, so that not every commit deletes. */
const roomMade = 1 / 64;
const noRecords = Buffer.alloc(0);

/** What a row of the ledger says of records that came from another shard. */
export type StoredArrival =
  | { readonly kind: 'carried' }
  | {
      readonly kind: 'arrived';
      /** The rows that have the records that came with the slots, and how many each has. */
      readonly carried: readonly { readonly lsn: number; readonly records: number }[];
      readonly from: ShardId;
      readonly sourceLsn: number;
      readonly forgottenLsn: number;
    };

export type LedgerRow = FileCounters & {
  readonly atMs: number;
  readonly records: Buffer;
  /** How many records there are. */
  readonly writes: number;
  readonly hasIdempotencyKeys: boolean;
  readonly arrival?: StoredArrival;
};

export type LedgerTally = { readonly rows: number; readonly writes: number; readonly bytes: number };

type LastRow = [lsn: number, keys: number, bytes: number, writes: number];
type OldestRow = [lsn: number, writes: number, atMs: number];
type NextRow = [lsn: number, arrival: string | null, records: Buffer];

export class LedgerTable {
  readonly #idempotency: IdempotencyTable;
  readonly #limits: LedgerLimits;
  readonly #append: Statement<[number, number, number, number, number, string | null, Buffer]>;
  readonly #next: Statement<[number]>;
  readonly #sizes: Statement<[number]>;
  readonly #oldest: Statement<[number]>;
  readonly #prune: Statement<[number]>;
  readonly #records: Statement<[number]>;
  readonly #forgotten: Statement;
  readonly #pruned: Statement;
  readonly #last: Statement;
  readonly #latest: Statement;
  readonly #count: Statement;
  readonly #forget: Statement<[number, number]>;
  readonly #empty: Statement<[number]>;
  readonly #bytesOf: Statement<[number]>;
  #rows: number;
  #writes: number;
  /** Of the records of all rows. */
  #bytes: number;
  /** Set once other processes write the file too: they add rows, and prune them. */
  #isShared = false;

  constructor(db: Database, idempotency: IdempotencyTable, limits = defaultLedgerLimits) {
    this.#idempotency = idempotency;
    this.#limits = limits;
    this.#append = db.prepare(
      'INSERT INTO ledger (lsn, keys, bytes, writes, at_ms, arrival, records) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#next = db
      .prepare<[number]>('SELECT lsn, arrival, records FROM ledger WHERE lsn > ? ORDER BY lsn LIMIT 1')
      .raw();
    this.#sizes = db.prepare<[number]>('SELECT lsn, length(records) FROM ledger ORDER BY lsn LIMIT ?').raw();
    this.#oldest = db.prepare<[number]>('SELECT lsn, writes, at_ms FROM ledger ORDER BY lsn LIMIT 1 OFFSET ?').raw();
    this.#prune = db.prepare('DELETE FROM ledger WHERE lsn <= ?');
    this.#records = db.prepare<[number]>('SELECT records FROM ledger WHERE lsn = ?').pluck();
    this.#forgotten = db.prepare('SELECT forgotten_lsn FROM standing').pluck();
    this.#pruned = db.prepare('SELECT pruned_lsn FROM standing').pluck();
    this.#forget = db.prepare(
      'UPDATE standing SET forgotten_lsn = max(forgotten_lsn, ?), pruned_lsn = max(pruned_lsn, ?)',
    );
    this.#bytesOf = db.prepare<[number]>('SELECT length(records) FROM ledger WHERE lsn = ?').pluck();
    this.#empty = db.prepare("UPDATE ledger SET records = x'' WHERE lsn = ?");
    this.#last = db.prepare('SELECT lsn, keys, bytes, writes FROM ledger ORDER BY lsn DESC LIMIT 1').raw();
    this.#latest = db.prepare('SELECT at_ms FROM ledger ORDER BY lsn DESC LIMIT 1').pluck();
    this.#count = db.prepare('SELECT count(*), total(length(records)) FROM ledger').raw();
    const last = this.#last.get() as LastRow | undefined;
    [this.#rows, this.#bytes] = this.#count.get() as [rows: number, bytes: number];
    this.#writes = last?.[3] ?? 0;
  }

  /** When the last commit was, in Unix milliseconds; 0 before the first. */
  latestMs(): number {
    return (this.#latest.get() as number | undefined) ?? 0;
  }

  /** The file's counters after the last commit. */
  counters(): FileCounters {
    const [lsn, keys, bytes] = (this.#last.get() as LastRow | undefined) ?? [0, 0, 0];
    return { lsn, keys, bytes };
  }

  /** Reads the counters again: where others write the file too, at the begin of each transaction. */
  reload(): FileCounters {
    const [lsn, keys, bytes, writes] = (this.#last.get() as LastRow | undefined) ?? [0, 0, 0, 0];
    this.#writes = writes;
    this.#isShared = true;
    return { lsn, keys, bytes };
  }

  append({ lsn, keys, bytes, atMs, records, writes, hasIdempotencyKeys, arrival }: LedgerRow): void {
    const writesBefore = this.#writes;
    this.#append.run(lsn, keys, bytes, writesBefore + writes, atMs, arrival ? JSON.stringify(arrival) : null, records);
    if (hasIdempotencyKeys) this.#idempotency.keep(records, { lsn, atMs });
    this.#writes += writes;
    this.#rows++;
    this.#bytes += records.length;
    if (this.#bytes > this.#limits.bytesMax) this.#makeRoom();
    if (this.#rows % this.#limits.rowsPruned === 0) this.#pruneOldest(atMs);
  }

  /** What this object counts of the table; `restore` takes it back when a transaction is rolled back. */
  get tally(): LedgerTally {
    return { rows: this.#rows, writes: this.#writes, bytes: this.#bytes };
  }

  restore({ rows, writes, bytes }: LedgerTally): void {
    this.#rows = rows;
    this.#writes = writes;
    this.#bytes = bytes;
  }

  /** The record of a write with this op id that committed after `lsn`. */
  find(opId: Buffer, lsn: number): WriteRecord | undefined {
    for (const [, , records] of this.#rowsAfter(lsn)) {
      const record = findRecord(records, opId);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  /**
   * Packed records of writes to these slots, of so many commits after `afterLsn`, not older than the window before
   * `lastLsn`, nor than what is pruned: slots that move to and fro bring records back as often as they come. Those
   * of each key are in order.
   */
  since(
    slots: readonly number[],
    { afterLsn, lastLsn, commitsMax, bytesMax }: { readonly afterLsn: number; readonly lastLsn: number } & PartLimits,
  ): LedgerPart {
    const aboveLsn = Math.max(lastLsn - recordWindowLsn, this.prunedLsn);
    const wanted = { slots: new Uint8Array(slotCount), aboveLsn };
    for (const slot of slots) wanted.slots[slot] = 1;
    const found = new Map<string, Buffer>();
    let [commits, bytes, upToLsn] = [0, 0, lastLsn];
    // A commit has no record above its own lsn.
    for (const [lsn, , records] of this.#rowsAfter(Math.max(afterLsn, wanted.aboveLsn))) {
      selectRecords(records, wanted, found);
      bytes += records.length;
      if (++commits < commitsMax && bytes < bytesMax) continue;
      upToLsn = lsn;
      break;
    }
    const results = [...found.values()].sort((a, b) => versionOfPacked(a) - versionOfPacked(b));
    return { results: Buffer.concat(results), upToLsn, isWhole: upToLsn === lastLsn };
  }

  /** Records up to this lsn may be gone: this file's own, or those of slots that came to it. */
  get forgottenLsn(): number {
    return this.#forgotten.get() as number;
  }

  /** Rows up to this lsn are gone. */
  get prunedLsn(): number {
    return this.#pruned.get() as number;
  }

  /** Takes the records out of a row that still is there. The row stays: it has the file's counters. */
  empty(lsn: number): void {
    this.#bytes -= (this.#bytesOf.get(lsn) as number | undefined) ?? 0;
    this.#empty.run(lsn);
  }

  forgetUpTo(lsn: number): void {
    this.#forget.run(lsn, 0);
  }

  /** Rows after a place in order, one page of them. A row of an arrival has records that came with the slots. */
  feed(after: Place, rowsMax: number): FeedRow[] {
    const rows: FeedRow[] = [];
    if (rowsMax === 0) return rows;
    let bytes = 0;
    for (const [lsn, arrivalText, records] of this.#rowsAfter(after.lsn)) {
      const arrival = arrivalText === null ? undefined : (JSON.parse(arrivalText) as StoredArrival);
      const row = this.#feedRow({ lsn, arrival, records }, rows.length === 0 ? after.carried : 0);
      rows.push(row);
      bytes += row.records.length;
      if (rows.length === rowsMax || bytes >= feedBytesMax) break;
      if (row.arrival?.kind === 'arrived' && !row.arrival.isLast) break;
    }
    return rows;
  }

  /** @param carried how many of the records of an arrival are known already */
  #feedRow(
    { lsn, arrival, records }: Omit<FeedRow, 'arrival'> & { readonly arrival: StoredArrival | undefined },
    carried: number,
  ): FeedRow {
    if (arrival === undefined) return { lsn, arrival, records };
    if (arrival.kind === 'carried') return { lsn, arrival, records: noRecords };
    const { carried: rows, ...came } = arrival;
    let recordsBefore = 0;
    for (const [index, row] of rows.entries()) {
      const isPassed = recordsBefore + row.records <= carried;
      if (isPassed) {
        recordsBefore += row.records;
        continue;
      }
      const packed = this.#records.get(row.lsn) as Buffer | undefined;
      // Pruned meanwhile: what came is unknown now.
      if (packed === undefined)
        return { lsn, arrival: { ...came, ...nothingKnown(came.sourceLsn) }, records: noRecords };
      const passed = measureRecords(packed, { ...allRecords, records: carried - recordsBefore });
      const left = packed.subarray(passed.bytes);
      const given = measureRecords(left, { ...allRecords, bytes: arrivalBytesMax });
      const isLast = index === rows.length - 1 && given.bytes === left.length;
      const part = { ...came, recordsBefore: recordsBefore + passed.records, isLast };
      return { lsn, arrival: part, records: left.subarray(0, given.bytes) };
    }
    return { lsn, arrival: { ...came, recordsBefore, isLast: true }, records: noRecords };
  }

  /** One by one: each may be large. */
  *#rowsAfter(lsn: number): Generator<NextRow> {
    for (let after = lsn; ; ) {
      const row = this.#next.get(after) as NextRow | undefined;
      if (row === undefined) return;
      yield row;
      after = row[0];
    }
  }

  /** Old rows leave until some more fit, but never the last one: it has the file's counters. */
  #makeRoom(): void {
    if (this.#isShared) [this.#rows, this.#bytes] = this.#count.get() as [rows: number, bytes: number];
    const { bytesMax, rowsPruned } = this.#limits;
    const excess = this.#bytes - bytesMax * (1 - roomMade);
    let [lsn, freed] = [0, 0];
    for (const [oldestLsn, bytes] of this.#sizes.all(Math.min(rowsPruned, this.#rows - 1)) as [number, number][]) {
      if (freed >= excess) break;
      [lsn, freed] = [oldestLsn, freed + bytes];
    }
    this.#pruneUpTo(lsn, freed);
  }

  #pruneOldest(nowMs: number): void {
    if (this.#isShared) [this.#rows, this.#bytes] = this.#count.get() as [rows: number, bytes: number];
    const { rowsMin, rowsPruned, writesKept, writesKeptMs } = this.#limits;
    if (this.#rows < rowsMin + rowsPruned) return;
    const [lsn, writes, atMs] = this.#oldest.get(rowsPruned - 1) as OldestRow;
    if (this.#writes - writes < writesKept && nowMs - atMs < writesKeptMs) return;
    const oldest = this.#sizes.all(rowsPruned) as [lsn: number, bytes: number][];
    this.#pruneUpTo(
      lsn,
      oldest.reduce((sum, [, bytes]) => sum + bytes, 0),
    );
  }

  /** @param bytes of the records of these rows */
  #pruneUpTo(lsn: number, bytes: number): void {
    this.#forget.run(lsn, lsn);
    this.#rows -= this.#prune.run(lsn).changes;
    this.#bytes -= bytes;
  }
}

function nothingKnown(sourceLsn: number) {
  return { forgottenLsn: sourceLsn, recordsBefore: 0, isLast: true };
}
