/**
 * One shard's SQLite file: its tables, and the execution of a batch of operations as one durable transaction
 * (group commit). Synchronous and single-threaded, which is what makes a batch atomic. It must not answer a
 * write before COMMIT returned, nor let a read see what is not committed.
 *
 *   entry        one row a key: see entry-table.ts.
 *   ledger       one row a commit: see ledger-table.ts.
 *   idempotency  one row a write with an idempotency key: see idempotency-table.ts.
 *   standing     whose file this is, and as of which ring: see standing-table.ts.
 *   transfer     what is known of slots that come and go: see transfer-table.ts.
 */

import { ExpiryClock, type MachineClock, type TimeNote } from '../kv/expiry-clock.ts';
import type { FeedPage, Place } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import { isWrite, makesRoom, type Operation, type ReadOperation } from '../kv/operation.ts';
import type { Outcome } from '../kv/outcome.ts';
import { amount, type Measure } from '../metrics/measure.ts';
import type { Ring } from '../partition/ring.ts';
import { systemClock } from '../ports/clock.ts';
import { invariant } from '../ports/invariant.ts';
import { type AcknowledgedMark, noMark } from './acknowledged-mark.ts';
import { type Database, isDiskFull, unlessBusy } from './database.ts';
import { type DiskReserve, noReserve, withReserve } from './disk-reserve.ts';
import { EntryTable } from './entry-table.ts';
import { ExpiredRows } from './expired-rows.ts';
import { FileAudit } from './file-audit.ts';
import type { FileCounters } from './file-counters.ts';
import { FileMeasures, timed } from './file-measures.ts';
import { FilePin, type PinnedFile } from './file-pin.ts';
import { IdempotencyTable } from './idempotency-table.ts';
import { KeyListing } from './key-listing.ts';
import { type LedgerLimits, LedgerTable } from './ledger-table.ts';
import { type OpenDatabase, openExclusively, openShared } from './open-database.ts';
import { shardSchema } from './shard-schema.ts';
import { type FileFigures, SlotTransfer } from './slot-transfer.ts';
import { checkRecord, claim, type FileIdentity, type FileRecord, StandingTable } from './standing-table.ts';
import { type Request, WriteBatch } from './write-batch.ts';

export type ShardFileOptions = {
  /** Whether this process alone has the file, as is usual, or others write it too. */
  readonly access?: 'exclusive' | 'shared';
  readonly clock?: MachineClock;
  /** Told by those who know the time: for a file that has no note of it since the machine was started. */
  readonly time?: TimeNote;
  /** How a file of this process alone is opened. */
  readonly open?: OpenDatabase;
  readonly ledger?: LedgerLimits;
  readonly reserve?: DiskReserve;
  /** Is told of each commit. */
  readonly mark?: AcknowledgedMark;
  /** The file must fit what is recorded of it. Where nothing is, it may also be made. */
  readonly record?: FileRecord;
};

/** A note of the time is good until the machine is started again: the newer, the less two oscillators differ. */
const timeNoteIntervalMs = 60_000;

export class ShardFile implements FileFigures {
  /** The part that moves slots in and out. */
  readonly transfer: SlotTransfer;
  readonly #db: Database;
  readonly #access: 'exclusive' | 'shared';
  readonly #shard: number;
  readonly #machine: MachineClock;
  readonly #clock: ExpiryClock;
  readonly #reserve: DiskReserve;
  readonly #mark: AcknowledgedMark;
  readonly #entries: EntryTable;
  readonly #expired: ExpiredRows;
  readonly #ledger: LedgerTable;
  readonly #standing: StandingTable;
  readonly #idempotency: IdempotencyTable;
  readonly #listing: KeyListing;
  readonly #measures = new FileMeasures();
  readonly #pin: FilePin;
  #counters: FileCounters;
  /** By the machine's clock that is never set. */
  #timeNotedAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @throws UnusableFile, WrongFile, FileLocked */
  constructor(path: string, identity: FileIdentity, options: ShardFileOptions = {}) {
    const { access = 'exclusive', clock = systemClock, open = openExclusively, record } = options;
    this.#access = access;
    const absence = typeof record?.acknowledgedLsn === 'number' ? 'refuse' : 'create';
    this.#db = (access === 'exclusive' ? open : openShared)(path, shardSchema, { absence });
    this.#shard = identity.shard;
    this.#machine = clock;
    this.#reserve = options.reserve ?? noReserve;
    this.#mark = options.mark ?? noMark;
    try {
      claim(this.#db, path, identity);
      this.#standing = new StandingTable(this.#db);
      this.#entries = new EntryTable(this.#db);
      this.#expired = new ExpiredRows(this.#entries);
      this.#idempotency = new IdempotencyTable(this.#db);
      this.#ledger = new LedgerTable(this.#db, this.#idempotency, options.ledger);
      this.#counters = this.#ledger.counters();
      if (record !== undefined) checkRecord(path, { lsn: this.#counters.lsn, epoch: this.#standing.epoch }, record);
      const { timeNote } = this.#standing;
      this.#clock = new ExpiryClock(
        clock,
        this.#ledger.latestMs(),
        timeNote.boot === clock.boot ? timeNote : options.time,
      );
      if (access === 'shared') this.#db.failWhenBusy();
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#listing = new KeyListing(this.#db, () => clock.nowMs());
    this.#pin = new FilePin(this.#db, access);
    const tables = { ledger: this.#ledger, idempotency: this.#idempotency, standing: this.#standing };
    this.transfer = new SlotTransfer(this.#db, this, tables);
  }

  /** What a full disk has no room to note is counted all the same. Once the file is closed, as they were then. */
  get counters(): FileCounters {
    const { lsn, keys, bytes } = this.#noted;
    const { unsettled } = this.transfer;
    return { lsn, keys: keys + unsettled.keys, bytes: bytes + unsettled.bytes };
  }

  get #noted(): FileCounters {
    return this.#access === 'exclusive' || this.#isClosed ? this.#counters : this.#ledger.counters();
  }

  /**
   * Executes a batch in order. When it writes, it is one transaction: on return it is on disk, and reads saw
   * the writes before them. When the disk is full only deletes are kept, if there is room even for them, and each
   * other write says so. Whatever else SQLite throws is thrown on: after a failed fsync or on a damaged file the
   * process must end, because nobody knows any more what is on disk. Except where `isBusy`, which a shared file may
   * be: then nothing was done.
   */
  execute(requests: readonly Request[]): readonly Outcome[] {
    return timed(this.#measures.batches, () => this.#execute(requests));
  }

  #execute(requests: readonly Request[]): readonly Outcome[] {
    const nowMs = this.#nowMs();
    if (requests.every(isRead)) return requests.map(({ operation }) => this.#entries.read(operation, nowMs));
    if (!this.#reserve.isGiven) {
      const outcomes = unlessFull(() => this.#committed(requests, nowMs, () => true));
      if (outcomes !== undefined) return outcomes;
    }
    if (requests.some(({ operation }) => makesRoom(operation))) {
      const outcomes = unlessFull(() => this.#urgently(() => this.#committed(requests, nowMs, makesRoom)));
      if (outcomes !== undefined) return outcomes;
    }
    const batch = this.#newBatch(nowMs);
    return requests.map((request) => batch.answerWithoutRoom(request));
  }

  /** @param isKept whether the operation is carried out, or answered that the disk is full */
  #committed(
    requests: readonly Request[],
    nowMs: number,
    isKept: (operation: Operation) => boolean,
  ): readonly Outcome[] {
    return this.transaction(() => {
      const batch = this.#newBatch(nowMs);
      const outcomes = requests.map((request) =>
        isKept(request.operation) ? batch.answer(request) : batch.answerWithoutRoom(request),
      );
      this.#sweep(batch, nowMs, batch.counters.keys - this.#counters.keys);
      this.#end(batch);
      return outcomes;
    });
  }

  /** @param isVisible whether rows of a slot are there for anybody to see */
  list(query: ListQuery, isVisible: (slot: number) => boolean): Listing {
    return this.#asOfOneMoment(() => this.#listing.page(query, this.#nowMs(), isVisible));
  }

  /**
   * One step: deletes what has expired. If it leaves some, commits delete it with what they write, until none is left.
   * @param isOurs whether this file may change the slot by itself, at any time from now on
   * @returns since when the oldest that is left waits, in Unix milliseconds; undefined when none is
   */
  sweep(isOurs: (slot: number) => boolean, rowsMax: number): number | undefined {
    const nowMs = this.#nowMs();
    if (!this.#expired.look(nowMs, isOurs)) return undefined;
    this.urgentTransaction(() => {
      const batch = this.#newBatch(nowMs);
      this.#sweep(batch, nowMs, rowsMax);
      this.#end(batch);
    });
    return this.#expired.position?.expiresAtMs;
  }

  /**
   * One step: forgets names of clients that none may use again.
   * @returns since when the oldest that is left could be forgotten, in Unix milliseconds; undefined when none is
   */
  forgetNames(rowsMax: number): number | undefined {
    const nowMs = this.#nowMs();
    if (this.#idempotency.oldestExpiry(nowMs) === undefined) return undefined;
    this.#urgently(() => this.#idempotency.forgetExpired(nowMs, rowsMax));
    return this.#idempotency.oldestExpiry(nowMs);
  }

  /** Rows of the ledger after a place. */
  feed(after: Place, rowsMax: number): Omit<FeedPage, 'epoch'> {
    return this.#asOfOneMoment(() => {
      const { prunedLsn } = this.#ledger;
      return { kind: 'feed', prunedLsn, lsn: this.counters.lsn, rows: this.#ledger.feed(after, rowsMax) } as const;
    });
  }

  get lsn(): number {
    return this.#counters.lsn;
  }

  transaction<T>(work: () => T): T {
    const before = {
      counters: this.#counters,
      tally: this.#ledger.tally,
      epoch: this.#standing.epoch,
      sweptTo: this.#expired.position,
    };
    try {
      this.#db.begin();
      // Nobody else can write from here on.
      if (this.#access === 'shared') this.#counters = this.#ledger.reload();
      const result = work();
      const timeNotedAtMs = this.#noteTime();
      timed(this.#measures.commits, () => this.#db.commit());
      this.#mark.note(this.#counters.lsn);
      this.#timeNotedAtMs = timeNotedAtMs;
      this.transfer.watch.written();
      return result;
    } catch (error) {
      this.#db.rollback();
      this.transfer.watch.undone();
      this.#counters = before.counters;
      this.#ledger.restore(before.tally);
      this.#standing.restore(before.epoch);
      this.#expired.restore(before.sweptTo);
      throw error;
    }
  }

  urgentTransaction<T>(work: () => T): T {
    return this.#urgently(() => this.transaction(work));
  }

  /**
   * One step: while the reserve is given up, what was deleted is given back to the disk, so that there may be room to
   * make it again. False when nothing is left to give.
   */
  giveRoomBack(pagesMax: number): boolean {
    if (!this.#reserve.isGiven) return false;
    const isShrunk = this.#urgently(() => this.#db.shrink(pagesMax));
    this.#db.foldLog();
    return isShrunk;
  }

  record({ lsnAtLeast, keys, bytes, records, arrival }: Parameters<FileFigures['record']>[0]): void {
    const counters = this.#counters;
    this.#count({
      lsn: Math.max(counters.lsn, lsnAtLeast) + 1,
      keys: counters.keys + keys,
      bytes: counters.bytes + bytes,
    });
    this.#ledger.append({
      ...this.#counters,
      atMs: this.#nowMs(),
      records,
      writes: 0,
      hasIdempotencyKeys: records.length > 0,
      ...(arrival && { arrival }),
    });
  }

  /** @param structure whether SQLite checks its own structure first, which no client should have to wait for */
  audit(ring: Ring, shard: number, structure: 'checked' | 'trusted'): FileAudit {
    const audit = new FileAudit(this.#db, {
      counters: () => this.#noted,
      slotsInTransit: () => this.transfer.slotsInTransit(),
      ring,
      shard,
    });
    if (structure === 'checked') audit.checkStructure(this.#db);
    return audit;
  }

  measures(): readonly Measure[] {
    const backlogMs = this.#expired.waitedMs(this.#nowMs());
    return [...this.#measures.measures(), amount('shardlite_expired_backlog_seconds', backlogMs / 1_000)];
  }

  /** From now until `unpin` another process may copy the file. */
  pin(): PinnedFile {
    return { walBytes: this.#pin.hold(), lsn: this.counters.lsn };
  }

  /** Idempotent. */
  unpin(): void {
    this.#pin.release();
  }

  /** Leaves one file behind: the WAL is folded in. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#pin.release();
    this.#counters = unlessBusy(() => this.#noted) ?? this.#counters;
    this.#isClosed = true;
    this.#db.close();
    this.#mark.close();
  }

  #urgently<T>(work: () => T): T {
    return withReserve(this.#reserve, work, () => this.#db.foldLog());
  }

  /** Several statements as of one moment, also where others write. */
  #asOfOneMoment<T>(read: () => T): T {
    return this.#access === 'exclusive' ? read() : this.#db.snapshot(read);
  }

  /** At most so many rows. */
  #sweep(batch: WriteBatch, nowMs: number, rowsMax: number): void {
    if (rowsMax <= 0) return;
    const expired = this.#expired.take(nowMs, rowsMax);
    for (const entry of expired) batch.sweep(entry);
    this.#measures.expiredKeys += expired.length;
  }

  #end(batch: WriteBatch): void {
    batch.end();
    this.#count(batch.counters);
    if (batch.writes > 0) this.#measures.writesOfCommits.count(batch.writes);
  }

  /** Of a transaction under way. */
  #count(counters: FileCounters): void {
    invariant(counters.lsn >= this.#counters.lsn, 'the lsn of a file never falls');
    this.#counters = counters;
  }

  #newBatch(nowMs: number): WriteBatch {
    const tables = { entries: this.#entries, ledger: this.#ledger, idempotency: this.#idempotency };
    const { watch } = this.transfer;
    return new WriteBatch({ db: this.#db, ...tables, watch, shard: this.#shard, nowMs }, this.#counters);
  }

  #nowMs(): number {
    return this.#clock.now();
  }

  /** Within the first write, and then now and then. Returns when it was noted last. */
  #noteTime(): number {
    const nowMs = this.#machine.nowMs();
    if (nowMs - this.#timeNotedAtMs < timeNoteIntervalMs) return this.#timeNotedAtMs;
    const note = this.#clock.note();
    if (note !== undefined) this.#standing.noteTime(note);
    return nowMs;
  }
}

function isRead(request: Request): request is Request & { readonly operation: ReadOperation } {
  return !isWrite(request.operation);
}

/** What the work comes to; undefined when there was no room for it, and nothing was done. */
function unlessFull<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isDiskFull(error)) return undefined;
    throw error;
  }
}
