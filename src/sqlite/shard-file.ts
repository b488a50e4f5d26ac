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

import type { FeedPage } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import { isWrite, type ReadOperation } from '../kv/operation.ts';
import type { Outcome } from '../kv/outcome.ts';
import type { Ring } from '../partition/ring.ts';
import { type Database, isDiskFull } from './database.ts';
import { EntryTable, type OldEntry } from './entry-table.ts';
import { FileAudit } from './file-audit.ts';
import type { FileCounters } from './file-counters.ts';
import { IdempotencyTable } from './idempotency-table.ts';
import { KeyListing } from './key-listing.ts';
import { type LedgerLimits, LedgerTable } from './ledger-table.ts';
import { type OpenDatabase, openExclusively, openShared } from './open-database.ts';
import { shardSchema } from './shard-schema.ts';
import { type FileFigures, SlotTransfer } from './slot-transfer.ts';
import { claim, type FileIdentity, StandingTable } from './standing-table.ts';
import { type Request, WriteBatch } from './write-batch.ts';

export type ShardFileOptions = {
  /** Whether this process alone has the file, as is usual, or others write it too. */
  readonly access?: 'exclusive' | 'shared';
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** How a file of this process alone is opened. */
  readonly open?: OpenDatabase;
  readonly ledger?: LedgerLimits;
};

/** The row after which a sweep goes on. */
type SweepPosition = Pick<OldEntry, 'expiresAtMs' | 'id'>;

const sweepBegin: SweepPosition = { expiresAtMs: 0, id: 0 };

export class ShardFile implements FileFigures {
  /** The part that moves slots in and out. */
  readonly transfer: SlotTransfer;
  readonly #db: Database;
  readonly #access: 'exclusive' | 'shared';
  readonly #shard: number;
  readonly #now: () => number;
  readonly #entries: EntryTable;
  readonly #ledger: LedgerTable;
  readonly #standing: StandingTable;
  readonly #idempotency: IdempotencyTable;
  readonly #listing: KeyListing;
  #counters: FileCounters;
  #latestMs = 0;

  /** @throws UnusableFile, FileLocked */
  constructor(path: string, identity: FileIdentity, options: ShardFileOptions = {}) {
    const { access = 'exclusive', now = Date.now, open = openExclusively } = options;
    this.#access = access;
    this.#db = access === 'exclusive' ? open(path, shardSchema) : openShared(path, shardSchema);
    this.#shard = identity.shard;
    this.#now = now;
    try {
      claim(this.#db, path, identity);
      this.#standing = new StandingTable(this.#db);
      this.#entries = new EntryTable(this.#db);
      this.#idempotency = new IdempotencyTable(this.#db);
      this.#ledger = new LedgerTable(this.#db, this.#idempotency, options.ledger);
      this.#counters = this.#ledger.counters();
      if (access === 'shared') this.#db.failWhenBusy();
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#listing = new KeyListing(this.#db);
    const tables = { ledger: this.#ledger, idempotency: this.#idempotency, standing: this.#standing };
    this.transfer = new SlotTransfer(this.#db, this, tables);
  }

  get counters(): FileCounters {
    return this.#access === 'exclusive' ? this.#counters : this.#ledger.counters();
  }

  /**
   * Executes a batch in order. When it writes, it is one transaction: on return it is on disk, and reads saw
   * the writes before them. When the disk is full no write is kept, and each says so. Whatever else SQLite
   * throws is thrown on: after a failed fsync or on a damaged file the process must end, because nobody knows
   * any more what is on disk. Except where `isBusy`, which a shared file may be: then nothing was done.
   */
  execute(requests: readonly Request[]): readonly Outcome[] {
    const nowMs = this.#nowMs();
    if (requests.every(isRead)) return requests.map(({ operation }) => this.#entries.read(operation, nowMs));
    try {
      return this.transaction(() => {
        const batch = this.#newBatch(nowMs);
        const outcomes = requests.map((request) => batch.answer(request));
        this.#end(batch);
        return outcomes;
      });
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      const batch = this.#newBatch(nowMs);
      return requests.map((request) => batch.answerWithoutRoom(request));
    }
  }

  /** @param isVisible whether rows of a slot are there for anybody to see */
  list(query: ListQuery, isVisible: (slot: number) => boolean): Listing {
    return this.#listing.page(query, this.#nowMs(), isVisible);
  }

  /**
   * One step: deletes what has expired, and forgets idempotency keys that no client may use again.
   * @param isOurs whether this file may change the slot by itself
   * @returns where to go on; undefined when nothing is left
   */
  sweep(
    isOurs: (slot: number) => boolean,
    rowsMax: number,
    after: SweepPosition = sweepBegin,
  ): SweepPosition | undefined {
    const nowMs = this.#nowMs();
    const expired = this.#entries.expired(after, nowMs, rowsMax);
    if (expired.some(({ slot }) => isOurs(slot))) {
      this.transaction(() => {
        const batch = this.#newBatch(nowMs);
        // Looked up again: where the file is shared, another process may just have done it.
        for (const entry of this.#entries.expired(after, nowMs, rowsMax)) if (isOurs(entry.slot)) batch.sweep(entry);
        this.#end(batch);
      });
    }
    if (expired.length === rowsMax) return expired.at(-1);
    return this.#idempotency.forgetExpired(nowMs, rowsMax) === rowsMax ? after : undefined;
  }

  /** Rows of the ledger after `afterLsn`. */
  feed(afterLsn: number, rowsMax: number): Omit<FeedPage, 'epoch'> {
    const page = () => {
      const { prunedLsn } = this.#ledger;
      return { kind: 'feed', prunedLsn, lsn: this.counters.lsn, rows: this.#ledger.feed(afterLsn, rowsMax) } as const;
    };
    // Where others write too, all of it has to be of one moment.
    return this.#access === 'exclusive' ? page() : this.#db.snapshot(page);
  }

  get lsn(): number {
    return this.#counters.lsn;
  }

  transaction<T>(work: () => T): T {
    const before = { counters: this.#counters, tally: this.#ledger.tally, epoch: this.#standing.epoch };
    try {
      this.#db.begin();
      // Nobody else can write from here on.
      if (this.#access === 'shared') this.#counters = this.#ledger.reload();
      const result = work();
      this.#db.commit();
      return result;
    } catch (error) {
      this.#db.rollback();
      this.#counters = before.counters;
      this.#ledger.restore(before.tally);
      this.#standing.restore(before.epoch);
      throw error;
    }
  }

  record({ lsnAtLeast, keys, bytes, records, arrival }: Parameters<FileFigures['record']>[0]): void {
    const counters = this.#counters;
    this.#counters = {
      lsn: Math.max(counters.lsn, lsnAtLeast) + 1,
      keys: counters.keys + keys,
      bytes: counters.bytes + bytes,
    };
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
      counters: () => this.counters,
      slotsInTransit: () => this.transfer.slotsInTransit(),
      ring,
      shard,
    });
    if (structure === 'checked') audit.checkStructure(this.#db);
    return audit;
  }

  /** Leaves one file behind: the WAL is folded in. Idempotent. */
  close(): void {
    this.#db.close();
  }

  #end(batch: WriteBatch): void {
    batch.end();
    this.#counters = batch.counters;
    for (const slot of batch.slots) this.transfer.touch(slot);
  }

  #newBatch(nowMs: number): WriteBatch {
    const tables = { entries: this.#entries, ledger: this.#ledger, idempotency: this.#idempotency };
    return new WriteBatch({ db: this.#db, ...tables, shard: this.#shard, nowMs }, this.#counters);
  }

  /** A clock that is set back brings nothing back that had expired. */
  #nowMs(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#now());
    return this.#latestMs;
  }
}

function isRead(request: Request): request is Request & { readonly operation: ReadOperation } {
  return !isWrite(request.operation);
}
