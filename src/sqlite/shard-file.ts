/**
 * One shard's SQLite file: its tables, and the execution of a batch of operations as one durable transaction
 * (group commit). Synchronous and single-threaded, which is what makes a batch atomic. It must not answer a
 * write before COMMIT returned, nor let a read see what is not committed.
 *
 *   entry    one row a key. A rowid table behind a unique index, not WITHOUT ROWID: new rows append, and
 *            values up to a page stay off overflow pages.
 *   ledger   one row a commit: the last lsn of the batch, the file's counters after it, and the results of
 *            its writes by op id, so that a resent write is answered and not applied again.
 *   identity which service and shard this file belongs to, and how far back its ledger has been pruned.
 *   transfer what is known of slots that come and go: see slot-transfer.ts.
 */

import {
  type FailedOutcome,
  isWrite,
  type Operation,
  type Outcome,
  type ReadOperation,
  type Resend,
  type WriteOperation,
  type WriteOutcome,
} from '../kv/store.ts';
import type { Ring } from '../partition/ring.ts';
import {
  type Database,
  isDiskFull,
  openExclusively,
  openShared,
  type Schema,
  type Statement,
  UnusableFile,
} from './database.ts';
import { FileAudit } from './file-audit.ts';
import { type LedgerResult, noOpId, packResults, unpackResults } from './ledger.ts';
import { type FileFigures, SlotTransfer, transferDdl } from './slot-transfer.ts';

const schema: Schema = {
  applicationId: 0x53484c31, // "SHL1"
  version: 1,
  ddl: `
    CREATE TABLE identity (service TEXT NOT NULL, shard INTEGER NOT NULL, forgotten_lsn INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE entry (
      id           INTEGER PRIMARY KEY,
      slot         INTEGER NOT NULL,
      key          BLOB NOT NULL,
      version      INTEGER NOT NULL,
      content_type TEXT NOT NULL,
      value        BLOB NOT NULL,
      UNIQUE (slot, key)
    ) STRICT;
    CREATE TABLE ledger (
      lsn     INTEGER PRIMARY KEY,
      keys    INTEGER NOT NULL,
      bytes   INTEGER NOT NULL,
      results BLOB NOT NULL
    ) STRICT;
    ${transferDdl}
  `,
};

/**
 * Commits whose results are kept. A router resends within its hold deadline, hundreds of commits at most after
 * the first try; a resend from before the oldest row is answered `outcome-unknown`, never guessed.
 */
const ledgerRowsMax = 4_096;
/** Old rows leave in runs, so that most commits touch only the newest page of the ledger. */
const ledgerRowsPruned = 256;

export type Request = {
  readonly operation: Operation;
  /** Absent where nothing ever resends: the single-process strategy. */
  readonly resend?: Resend;
};

/** Whether this process alone has the file, or others write it too. */
export type FileAccess = 'exclusive' | 'shared';

export type FileIdentity = { readonly service: string; readonly shard: number };

export type FileCounters = {
  /** Commit sequence number of the last write. */
  readonly lsn: number;
  readonly keys: number;
  /** Bytes of all keys and values. */
  readonly bytes: number;
};

type ValueRow = [version: number, contentType: string, value: Buffer];
type MetadataRow = [version: number, contentType: string, valueBytes: number];
type OldRow = [id: number, valueBytes: number];
type LedgerRow = [lsn: number, keys: number, bytes: number];

export class ShardFile implements FileFigures {
  /** The part that moves slots in and out. */
  readonly transfer: SlotTransfer;
  readonly #db: Database;
  readonly #access: FileAccess;
  readonly #last: Statement;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #value: Statement<[number, Buffer]>;
  readonly #metadata: Statement<[number, Buffer]>;
  readonly #old: Statement<[number, Buffer]>;
  readonly #insert: Statement<[number, Buffer, number, string, Buffer]>;
  readonly #update: Statement<[number, string, Buffer, number]>;
  readonly #delete: Statement<[number]>;
  readonly #record: Statement<[number, number, number, Buffer]>;
  readonly #prune: Statement<[number]>;
  #counters: FileCounters;
  #ledgerRows: number;

  /** @throws UnusableFile, FileLocked */
  constructor(path: string, identity: FileIdentity, access: FileAccess = 'exclusive') {
    this.#access = access;
    this.#db = access === 'exclusive' ? openExclusively(path, schema) : openShared(path, schema);
    try {
      claim(this.#db, path, identity);
      this.#last = this.#db.prepare('SELECT lsn, keys, bytes FROM ledger ORDER BY lsn DESC LIMIT 1').raw();
      this.#counters = this.#countersOnDisk();
      this.#ledgerRows = this.#countLedgerRows();
      if (access === 'shared') this.#db.failWhenBusy();
    } catch (error) {
      this.#db.close();
      throw error;
    }

    this.transfer = new SlotTransfer(this.#db, this);
    this.#begin = this.#db.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#db.prepare('COMMIT');
    this.#rollback = this.#db.prepare('ROLLBACK');
    this.#value = this.#db
      .prepare<[number, Buffer]>('SELECT version, content_type, value FROM entry WHERE slot = ? AND key = ?')
      .raw();
    this.#metadata = this.#db
      .prepare<[number, Buffer]>('SELECT version, content_type, length(value) FROM entry WHERE slot = ? AND key = ?')
      .raw();
    this.#old = this.#db
      .prepare<[number, Buffer]>('SELECT id, length(value) FROM entry WHERE slot = ? AND key = ?')
      .raw();
    this.#insert = this.#db.prepare(
      'INSERT INTO entry (slot, key, version, content_type, value) VALUES (?, ?, ?, ?, ?)',
    );
    this.#update = this.#db.prepare('UPDATE entry SET version = ?, content_type = ?, value = ? WHERE id = ?');
    this.#delete = this.#db.prepare('DELETE FROM entry WHERE id = ?');
    this.#record = this.#db.prepare('INSERT INTO ledger (lsn, keys, bytes, results) VALUES (?, ?, ?, ?)');
    this.#prune = this.#db.prepare('DELETE FROM ledger WHERE lsn <= ?');
  }

  get counters(): FileCounters {
    return this.#access === 'exclusive' ? this.#counters : this.#countersOnDisk();
  }

  /**
   * Executes a batch in order. When it writes, it is one transaction: on return it is on disk, and reads saw
   * the writes before them. When the disk is full no write is kept, and each says so. Whatever else SQLite
   * throws is thrown on: after a failed fsync or on a damaged file the process must end, because nobody knows
   * any more what is on disk. Except where `isBusy`, which a shared file may be: then nothing was done.
   */
  execute(requests: readonly Request[]): readonly Outcome[] {
    if (!requests.some(({ operation }) => isWrite(operation)))
      return requests.map((request) => this.#answer(request, []));
    try {
      return this.transaction(() => {
        const results: LedgerResult[] = [];
        const outcomes = requests.map((request) => this.#answer(request, results));
        if (results.length > 0) this.#recordCommit(packResults(results));
        return outcomes;
      });
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return requests.map(({ operation }) => (isWrite(operation) ? diskFull : this.#read(operation)));
    }
  }

  get lsn(): number {
    return this.#counters.lsn;
  }

  transaction<T>(work: () => T): T {
    const before = this.#counters;
    try {
      this.#begin.run();
      // Nobody else can write from here on.
      if (this.#access === 'shared') this.#counters = this.#countersOnDisk();
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // SQLite may have rolled back by itself. A COMMIT is never tried again.
      if (this.#db.inTransaction) this.#rollback.run();
      this.#counters = before;
      throw error;
    }
  }

  /** Results of writes up to here may be gone, of this file's own or of slots that came to it. */
  get forgottenLsn(): number {
    return this.#db.prepare('SELECT forgotten_lsn FROM identity').pluck().get() as number;
  }

  forgetUpTo(lsn: number): void {
    this.#db.prepare('UPDATE identity SET forgotten_lsn = max(forgotten_lsn, ?)').run(lsn);
  }

  record({ lsnAtLeast, keys, bytes, results }: Parameters<FileFigures['record']>[0]): void {
    const counters = this.#counters;
    this.#counters = {
      lsn: Math.max(counters.lsn, lsnAtLeast) + 1,
      keys: counters.keys + keys,
      bytes: counters.bytes + bytes,
    };
    this.#recordCommit(results);
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

  #answer({ operation, resend }: Request, results: LedgerResult[]): Outcome {
    if (!isWrite(operation)) return this.#read(operation);
    if (resend?.resent) {
      const earlier = this.#earlierAnswer(resend.opId, resend.seenLsn);
      if (earlier !== undefined) return earlier;
    }
    const outcome = this.#apply(operation, resend?.seenLsn ?? 0);
    results.push({ opId: resend?.opId ?? noOpId, slot: operation.slot, outcome });
    return outcome;
  }

  #read(operation: ReadOperation): Outcome {
    if (operation.kind === 'get') {
      const row = this.#value.get(operation.slot, operation.key) as ValueRow | undefined;
      return row === undefined ? absent : { kind: 'value', version: row[0], contentType: row[1], value: row[2] };
    }
    const row = this.#metadata.get(operation.slot, operation.key) as MetadataRow | undefined;
    return row === undefined ? absent : { kind: 'metadata', version: row[0], contentType: row[1], valueBytes: row[2] };
  }

  /** @param seenLsn the writer's: lsns are a Lamport clock, so that those of two shards can be compared */
  #apply(operation: WriteOperation, seenLsn: number): WriteOutcome {
    const { slot, key } = operation;
    const old = this.#old.get(slot, key) as OldRow | undefined;
    const { lsn, keys, bytes } = this.#counters;
    const version = Math.max(lsn, seenLsn) + 1;

    if (operation.kind === 'delete') {
      if (old === undefined) {
        this.#counters = { lsn: version, keys, bytes };
      } else {
        this.#delete.run(old[0]);
        this.#counters = { lsn: version, keys: keys - 1, bytes: bytes - key.length - old[1] };
      }
      return { kind: 'deleted', version };
    }

    const { contentType, value } = operation;
    if (old === undefined) {
      this.#insert.run(slot, key, version, contentType, value);
      this.#counters = { lsn: version, keys: keys + 1, bytes: bytes + key.length + value.length };
      return { kind: 'created', version };
    }
    this.#update.run(version, contentType, value, old[0]);
    this.#counters = { lsn: version, keys, bytes: bytes + value.length - old[1] };
    return { kind: 'replaced', version };
  }

  #recordCommit(results: Buffer): void {
    const { lsn, keys, bytes } = this.#counters;
    this.#record.run(lsn, keys, bytes, results);
    this.#ledgerRows++;
    if (this.#ledgerRows < ledgerRowsMax + ledgerRowsPruned) return;
    // Others may have added rows, and pruned them.
    if (this.#access === 'shared') this.#ledgerRows = this.#countLedgerRows();
    if (this.#ledgerRows < ledgerRowsMax + ledgerRowsPruned) return;
    const lastPruned = this.#db.prepare('SELECT lsn FROM ledger ORDER BY lsn LIMIT 1 OFFSET ?').pluck();
    this.forgetUpTo(lastPruned.get(ledgerRowsPruned - 1) as number);
    this.#ledgerRows -= this.#prune.run(this.forgottenLsn).changes;
  }

  #countersOnDisk(): FileCounters {
    const [lsn, keys, bytes] = (this.#last.get() as LedgerRow | undefined) ?? [0, 0, 0];
    return { lsn, keys, bytes };
  }

  #countLedgerRows(): number {
    return this.#db.prepare('SELECT count(*) FROM ledger').pluck().get() as number;
  }

  /** The answer this write was given before; undefined when it was never applied. */
  #earlierAnswer(opId: Buffer, seenLsn: number): Outcome | undefined {
    const rows = this.#db.prepare('SELECT results FROM ledger WHERE lsn > ?').pluck().all(seenLsn) as Buffer[];
    for (const results of rows) {
      for (const result of unpackResults(results)) if (result.opId.equals(opId)) return result.outcome;
    }
    return seenLsn < this.forgottenLsn ? forgotten : undefined;
  }
}

function claim(db: Database, path: string, { service, shard }: FileIdentity): void {
  // In one step: where the file is shared, only one process may find it new.
  db.prepare('INSERT INTO identity (service, shard) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM identity)').run(
    service,
    shard,
  );
  const found = db.prepare('SELECT service, shard FROM identity').get() as FileIdentity;
  if (found.service !== service || found.shard !== shard) {
    throw new UnusableFile(
      `${path} belongs to shard ${found.shard} of service ${found.service}, not to shard ${shard} of service ${service}.`,
    );
  }
}

const absent: Outcome = { kind: 'absent' };
const diskFull: FailedOutcome = {
  kind: 'failed',
  code: 'disk-full',
  detail: 'There is no room left on the disk of this shard. Nothing of this write was kept; reads go on.',
};
const forgotten: FailedOutcome = {
  kind: 'failed',
  code: 'outcome-unknown',
  detail: 'The write was sent again too late to tell whether it had been applied.',
};
