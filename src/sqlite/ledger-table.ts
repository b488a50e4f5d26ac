/**
 * The ledger: one row a commit, with the last lsn of the batch, the file's counters after it, and a record of each
 * write (kv/write-record.ts). A resend is answered from it, the feed of changes reads it, and its last row says what
 * the file holds. Rows with an `arrival` are about records that came with moved slots. Within transactions of the file.
 */

import type { Arrival, FeedRow } from '../kv/feed.ts';
import { findRecord, recordWindowLsn, selectRecords, type WriteRecord } from '../kv/write-record.ts';
import { slotCount } from '../partition/slot.ts';
import type { LedgerPart } from '../rebalance/move.ts';
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
  /** Old rows leave in runs, so that most commits touch only the newest page of the ledger. */
  readonly rowsPruned: number;
};

export const defaultLedgerLimits: LedgerLimits = {
  // A router resends within its hold deadline, hundreds of commits at most after the first try.
  rowsMin: 4_096,
  writesKept: 100_000,
  writesKeptMs: 24 * 3_600_000,
  rowsPruned: 256,
};

/** Of one page of the feed, but for its last row. */
const feedBytesMax = 1024 * 1024;
const noRecords = Buffer.alloc(0);

export type LedgerRow = FileCounters & {
  readonly atMs: number;
  readonly records: Buffer;
  /** How many records there are. */
  readonly writes: number;
  readonly hasIdempotencyKeys: boolean;
  readonly arrival?: Arrival;
};

export type LedgerTally = { readonly rows: number; readonly writes: number };

type LastRow = [lsn: number, keys: number, bytes: number, writes: number];
type OldestRow = [lsn: number, writes: number, atMs: number];

export class LedgerTable {
  readonly #idempotency: IdempotencyTable;
  readonly #limits: LedgerLimits;
  readonly #append: Statement<[number, number, number, number, number, string | null, Buffer]>;
  readonly #since: Statement<[number]>;
  readonly #some: Statement<[number, number]>;
  readonly #oldest: Statement<[number]>;
  readonly #prune: Statement<[number]>;
  readonly #feed: Statement<[number]>;
  readonly #records: Statement<[number]>;
  readonly #forgotten: Statement;
  readonly #pruned: Statement;
  readonly #last: Statement;
  readonly #latest: Statement;
  readonly #count: Statement;
  readonly #forget: Statement<[number, number]>;
  #rows: number;
  #writes: number;
  /** Set once other processes write the file too: they add rows, and prune them. */
  #isShared = false;

  constructor(db: Database, idempotency: IdempotencyTable, limits = defaultLedgerLimits) {
    this.#idempotency = idempotency;
    this.#limits = limits;
    this.#append = db.prepare(
      'INSERT INTO ledger (lsn, keys, bytes, writes, at_ms, arrival, records) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#since = db.prepare<[number]>('SELECT records FROM ledger WHERE lsn > ?').pluck();
    this.#some = db
      .prepare<[number, number]>('SELECT lsn, records FROM ledger WHERE lsn > ? ORDER BY lsn LIMIT ?')
      .raw();
    this.#oldest = db.prepare<[number]>('SELECT lsn, writes, at_ms FROM ledger ORDER BY lsn LIMIT 1 OFFSET ?').raw();
    this.#prune = db.prepare('DELETE FROM ledger WHERE lsn <= ?');
    this.#feed = db
      .prepare<[number]>('SELECT lsn, arrival, records FROM ledger WHERE lsn > ? ORDER BY lsn LIMIT 1')
      .raw();
    this.#records = db.prepare<[number]>('SELECT records FROM ledger WHERE lsn = ?').pluck();
    this.#forgotten = db.prepare('SELECT forgotten_lsn FROM standing').pluck();
    this.#pruned = db.prepare('SELECT pruned_lsn FROM standing').pluck();
    this.#forget = db.prepare(
      'UPDATE standing SET forgotten_lsn = max(forgotten_lsn, ?), pruned_lsn = max(pruned_lsn, ?)',
    );
    this.#last = db.prepare('SELECT lsn, keys, bytes, writes FROM ledger ORDER BY lsn DESC LIMIT 1').raw();
    this.#latest = db.prepare('SELECT at_ms FROM ledger ORDER BY lsn DESC LIMIT 1').pluck();
    this.#count = db.prepare('SELECT count(*) FROM ledger').pluck();
    const last = this.#last.get() as LastRow | undefined;
    this.#rows = this.#count.get() as number;
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
    if (this.#rows % this.#limits.rowsPruned === 0) this.#pruneOldest(atMs);
  }

  /** What this object counts of the table; `restore` takes it back when a transaction is rolled back. */
  get tally(): LedgerTally {
    return { rows: this.#rows, writes: this.#writes };
  }

  restore({ rows, writes }: LedgerTally): void {
    this.#rows = rows;
    this.#writes = writes;
  }

  /** The record of a write with this op id that committed after `lsn`. */
  find(opId: Buffer, lsn: number): WriteRecord | undefined {
    for (const records of this.#since.all(lsn) as Buffer[]) {
      const record = findRecord(records, opId);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  /**
   * Packed records of writes to these slots, of so many commits after `afterLsn`, not older than the window before
   * `lastLsn`.
   */
  since(
    slots: readonly number[],
    {
      afterLsn,
      lastLsn,
      commitsMax,
    }: { readonly afterLsn: number; readonly lastLsn: number; readonly commitsMax: number },
  ): LedgerPart {
    const wanted = { slots: new Uint8Array(slotCount), aboveLsn: lastLsn - recordWindowLsn };
    for (const slot of slots) wanted.slots[slot] = 1;
    const found = new Map<string, Buffer>();
    // A commit has no record above its own lsn.
    const commits = this.#some.all(Math.max(afterLsn, wanted.aboveLsn), Math.min(commitsMax, 2 ** 31)) as [
      number,
      Buffer,
    ][];
    for (const [, records] of commits) selectRecords(records, wanted, found);
    const isWhole = commits.length < commitsMax;
    const upToLsn = isWhole ? lastLsn : (commits.at(-1) as [number, Buffer])[0];
    for (const record of this.#idempotency.recordsOf(slots, afterLsn, upToLsn)) {
      selectRecords(record, { ...wanted, aboveLsn: 0 }, found);
    }
    return { results: Buffer.concat([...found.values()]), upToLsn, isWhole };
  }

  /** Records up to this lsn may be gone: this file's own, or those of slots that came to it. */
  get forgottenLsn(): number {
    return this.#forgotten.get() as number;
  }

  /** Rows up to this lsn are gone. */
  get prunedLsn(): number {
    return this.#pruned.get() as number;
  }

  forgetUpTo(lsn: number): void {
    this.#forget.run(lsn, 0);
  }

  /** Rows after `lsn` in order, one page of them. A row of an arrival has the records that came with the slots. */
  feed(lsn: number, rowsMax: number): FeedRow[] {
    const rows: FeedRow[] = [];
    let bytes = 0;
    let after = lsn;
    while (rows.length < rowsMax && bytes < feedBytesMax) {
      const found = this.#feed.get(after) as [lsn: number, arrival: string | null, records: Buffer] | undefined;
      if (found === undefined) break;
      const row = this.#feedRow(...found);
      rows.push(row);
      bytes += row.records.length;
      after = row.lsn;
    }
    return rows;
  }

  #feedRow(lsn: number, arrivalText: string | null, records: Buffer): FeedRow {
    const arrival = arrivalText === null ? undefined : (JSON.parse(arrivalText) as Arrival);
    if (arrival === undefined) return { lsn, arrival, records };
    if (arrival.kind === 'carried') return { lsn, arrival, records: noRecords };
    const carried = this.#records.get(arrival.carriedLsn) as Buffer | undefined;
    // Pruned meanwhile: what came is unknown now.
    if (carried === undefined) return { lsn, arrival: { ...arrival, forgottenLsn: arrival.sourceLsn }, records };
    return { lsn, arrival, records: carried };
  }

  #pruneOldest(nowMs: number): void {
    if (this.#isShared) this.#rows = this.#count.get() as number;
    const { rowsMin, rowsPruned, writesKept, writesKeptMs } = this.#limits;
    if (this.#rows < rowsMin + rowsPruned) return;
    const [lsn, writes, atMs] = this.#oldest.get(rowsPruned - 1) as OldestRow;
    if (this.#writes - writes < writesKept && nowMs - atMs < writesKeptMs) return;
    this.#forget.run(lsn, lsn);
    this.#rows -= this.#prune.run(lsn).changes;
  }
}
