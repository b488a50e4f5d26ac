/**
 * One batch of operations within one transaction: reads see the writes before them, one that is refused fails alone,
 * and what was written becomes one row of the ledger. It begins and ends no transaction itself.
 */

import { holds } from '../kv/condition.ts';
import { counterContentType, numberOf } from '../kv/counter.ts';
import { noOpId, type OpId, opIdOfItem, type Resend } from '../kv/op-id.ts';
import {
  type AtomicOperation,
  batchBytesMax,
  isWrite,
  type KeyOperation,
  lifetimeMsMax,
  type Operation,
  type PutOperation,
  type WriteOperation,
} from '../kv/operation.ts';
import { expiryOf, type FailedOutcome, type KeyOutcome, type Outcome } from '../kv/outcome.ts';
import {
  batchAborted,
  expiryOutOfRange,
  idempotencyKeyReused,
  notANumber,
  nothingToTouch,
  overflow,
  readIsOver,
  tooMuchRead,
} from '../kv/refusals.ts';
import { packRecords, type WriteRecord } from '../kv/write-record.ts';
import type { Database } from './database.ts';
import { type EntryTable, type ExpiredEntry, hasExpired, type OldEntry } from './entry-table.ts';
import type { FileCounters } from './file-counters.ts';
import type { IdempotencyTable } from './idempotency-table.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RowWatch } from './row-watch.ts';

export type Request = {
  readonly operation: Operation;
  /** Absent where nothing ever resends: the single-process strategy. */
  readonly resend?: Resend;
};

export type CommitContext = {
  readonly db: Database;
  readonly entries: EntryTable;
  readonly ledger: LedgerTable;
  readonly idempotency: IdempotencyTable;
  /** Is told of each key before its row is written. */
  readonly watch: Pick<RowWatch, 'beforeWrite'>;
  readonly shard: number;
  readonly nowMs: number;
};

export class WriteBatch {
  readonly #at: CommitContext;
  #lsn: number;
  #keys: number;
  #bytes: number;
  #records: WriteRecord[] = [];
  #hasIdempotencyKeys = false;

  constructor(context: CommitContext, { lsn, keys, bytes }: FileCounters) {
    this.#at = context;
    this.#lsn = lsn;
    this.#keys = keys;
    this.#bytes = bytes;
  }

  /** The file's, with the writes so far. */
  get counters(): FileCounters {
    return { lsn: this.#lsn, keys: this.#keys, bytes: this.#bytes };
  }

  answer({ operation, resend }: Request): Outcome {
    if (operation.kind === 'atomic') return { kind: 'batch', outcomes: this.#batch(operation, resend) };
    if (!isWrite(operation)) return this.#at.entries.read(operation, this.#at.nowMs);
    return this.#once(operation, resend?.opId ?? noOpId, resend);
  }

  /** Deletes a row that has expired, and records it. */
  sweep({ id, slot, key, valueBytes }: ExpiredEntry): void {
    this.#at.watch.beforeWrite(slot, key);
    this.#at.entries.delete(id);
    this.#expire(slot, key, 0);
    this.#count(-1, -(key.length + valueBytes));
  }

  /**
   * The answer where the disk has no room for the batch: nothing of it was written. What is sent again may have been
   * applied long before.
   */
  answerWithoutRoom({ operation, resend }: Request): Outcome {
    if (operation.kind !== 'atomic') return this.#unwritten(operation, resend?.opId ?? noOpId, resend);
    const isAgain = this.#isAgain(operation, resend);
    const outcomes = operation.operations.map((one, index) =>
      isAgain && !isWrite(one) ? readIsOver : this.#unwritten(one, opIdOf(resend, index), resend),
    );
    return { kind: 'batch', outcomes };
  }

  /** How many records it has so far. */
  get writes(): number {
    return this.#records.length;
  }

  /** Leaves the batch's row in the ledger, if it wrote anything. */
  end(): void {
    if (this.#records.length === 0) return;
    this.#at.ledger.append({
      ...this.counters,
      atMs: this.#at.nowMs,
      records: packRecords(this.#records),
      writes: this.#records.length,
      hasIdempotencyKeys: this.#hasIdempotencyKeys,
    });
  }

  #unwritten(operation: KeyOperation, opId: OpId, resend: Resend | undefined): KeyOutcome {
    if (!isWrite(operation)) return this.#at.entries.read(operation, this.#at.nowMs);
    const earlier = this.#earlier(operation, opId, resend);
    return earlier === undefined ? diskFull : this.#withExpiry(operation, earlier.outcome);
  }

  #isAgain({ operations }: AtomicOperation, resend: Resend | undefined): boolean {
    return operations.some(
      (one, index) => isWrite(one) && this.#earlier(one, opIdOf(resend, index), resend)?.kind === 'answer',
    );
  }

  /**
   * Writes that go together under a client's name were applied together: where it names only some of these, it has
   * named another batch.
   */
  #isAnother({ operations }: AtomicOperation, resend: Resend | undefined): boolean {
    return operations.some(
      (one, index) =>
        isWrite(one) &&
        one.idempotencyKey !== undefined &&
        this.#earlier(one, opIdOf(resend, index), resend)?.kind !== 'answer',
    );
  }

  #batch(operation: AtomicOperation, resend: Resend | undefined): KeyOutcome[] {
    const { operations } = operation;
    const isAgain = this.#isAgain(operation, resend);
    if (isAgain && this.#isAnother(operation, resend)) {
      return operations.map((one) => (isWrite(one) ? idempotencyKeyReused : batchAborted));
    }
    const before = {
      counters: this.counters,
      records: this.#records.length,
      hasIdempotencyKeys: this.#hasIdempotencyKeys,
    };
    this.#at.db.exec('SAVEPOINT batch');
    let bytesRead = 0;
    const outcomes = operations.map((one, index) => {
      if (isWrite(one)) return this.#once(one, opIdOf(resend, index), resend);
      if (isAgain) return readIsOver;
      const outcome = this.#at.entries.read(one, this.#at.nowMs);
      if ('value' in outcome) bytesRead += outcome.value.length;
      return bytesRead > batchBytesMax ? tooMuchRead : outcome;
    });
    const isRefused = !isAgain && outcomes.some(({ kind }) => kind === 'precondition-failed' || kind === 'failed');
    if (isRefused) {
      this.#at.db.exec('ROLLBACK TO batch');
      this.#lsn = before.counters.lsn;
      this.#keys = before.counters.keys;
      this.#bytes = before.counters.bytes;
      this.#records.length = before.records;
      this.#hasIdempotencyKeys = before.hasIdempotencyKeys;
    }
    this.#at.db.exec('RELEASE batch');
    if (!isRefused) return outcomes;
    return outcomes.map((outcome) =>
      outcome.kind === 'precondition-failed' || outcome.kind === 'failed' ? outcome : batchAborted,
    );
  }

  /** Applies the write, unless it or another with the same idempotency key was applied before. */
  #once(operation: WriteOperation, opId: OpId, resend: Resend | undefined): KeyOutcome {
    const earlier = this.#earlier(operation, opId, resend);
    if (earlier === undefined) return this.#apply(operation, opId, resend?.seenLsn ?? 0);
    return this.#withExpiry(operation, earlier.outcome);
  }

  /** No record says when a value expires, and the value itself does as long as it is there. */
  #withExpiry({ slot, key }: WriteOperation, outcome: KeyOutcome): KeyOutcome {
    if (outcome.kind !== 'created' && outcome.kind !== 'replaced' && outcome.kind !== 'counted') return outcome;
    const found = this.#at.entries.find(slot, key);
    return found?.version === outcome.version ? { ...outcome, ...expiryOf(found.expiresAtMs) } : outcome;
  }

  #earlier(
    { slot, idempotencyKey }: WriteOperation,
    opId: OpId,
    resend: Resend | undefined,
  ): { readonly kind: 'answer' | 'refusal'; readonly outcome: KeyOutcome } | undefined {
    if (idempotencyKey !== undefined) {
      const record = this.#at.idempotency.find(slot, idempotencyKey.opId);
      if (record !== undefined) return answerOf(record, idempotencyKey.fingerprint);
    } else if (resend?.resent) {
      const record = this.#at.ledger.find(opId, resend.seenLsn);
      if (record !== undefined) return answerOf(record, undefined);
      if (resend.seenLsn < this.#at.ledger.forgottenLsn) return { kind: 'refusal', outcome: forgotten };
    }
    // One idempotency key may come twice in one batch.
    const name = idempotencyKey?.opId;
    const inBatch = name && this.#records.find((record) => record.opId.equals(name));
    return inBatch && answerOf(inBatch, idempotencyKey?.fingerprint);
  }

  #apply(operation: WriteOperation, opId: OpId, seenLsn: number): KeyOutcome {
    const { entries, nowMs } = this.#at;
    const { slot, key, condition } = operation;
    const found = entries.find(slot, key);
    const isExpired = found !== undefined && hasExpired(found.expiresAtMs, nowMs);
    const old = isExpired ? undefined : found;
    if (condition !== undefined && !holds(condition, old?.version))
      return { kind: 'precondition-failed', version: old?.version ?? 0 };

    let put: Pick<PutOperation, 'contentType' | 'value' | 'expiresAtMs'> | undefined;
    let number: bigint | undefined;
    let expiry: { expiresAtMs?: number } = {};
    if (operation.kind !== 'delete') {
      const { ttlMs, expiresAtMs = 0 } = operation;
      if (expiresAtMs !== 0 && (expiresAtMs <= nowMs || expiresAtMs > nowMs + lifetimeMsMax)) {
        return expiryOutOfRange(expiresAtMs, nowMs);
      }
      if (ttlMs !== undefined) expiry = { expiresAtMs: nowMs + ttlMs };
    }
    if (operation.kind === 'put') put = { ...operation, ...expiry };
    if (operation.kind === 'touch' && old === undefined) return nothingToTouch;
    if (operation.kind === 'increment') {
      const counted = this.#counted(slot, key, old, operation.by);
      if (counted.kind === 'failed') return counted;
      const { expiresAtMs = old?.expiresAtMs ?? 0 } = { ...operation, ...expiry };
      expiry = expiryOf(expiresAtMs);
      put = { ...counted.put, expiresAtMs };
      number = counted.number;
    }

    this.#at.watch.beforeWrite(slot, key);
    if (isExpired) this.#expire(slot, key, seenLsn);
    const version = this.#newVersion(seenLsn);
    if (operation.kind === 'touch') {
      const { expiresAtMs = 0 } = { ...operation, ...expiry };
      entries.touch((old as OldEntry).id, version, expiresAtMs);
    } else if (put === undefined) {
      if (found !== undefined) {
        entries.delete(found.id);
        this.#count(-1, -(key.length + found.valueBytes));
      }
    } else if (found === undefined) {
      entries.insert(slot, key, { ...put, version });
      this.#count(1, key.length + put.value.length);
    } else {
      entries.update(found.id, { ...put, version });
      this.#count(0, put.value.length - found.valueBytes);
    }

    const outcome =
      operation.kind === 'delete'
        ? ({ kind: 'deleted', version } as const)
        : number === undefined
          ? ({ kind: old === undefined ? 'created' : 'replaced', version, ...expiry } as const)
          : ({ kind: 'counted', version, number, ...expiry } as const);
    this.#record(operation, opId, outcome);
    return outcome;
  }

  #counted(slot: number, key: Buffer, old: OldEntry | undefined, by: bigint) {
    const held = old && this.#at.entries.read({ kind: 'get', slot, key }, this.#at.nowMs);
    const before = held?.kind === 'value' ? numberOf(held.value) : 0n;
    if (before === undefined) return notANumber;
    const number = before + by;
    if (number !== BigInt.asIntN(64, number)) return overflow(before, by);
    const value = Buffer.from(String(number));
    const put = held?.kind === 'value' ? { ...held, value } : { contentType: counterContentType, value };
    return { kind: 'counted', number, put } as const;
  }

  #expire(slot: number, key: Buffer, seenLsn: number): void {
    const version = this.#newVersion(seenLsn);
    const { shard } = this.#at;
    this.#records.push({ opId: noOpId, slot, shard, key, outcome: { kind: 'expired', version } });
  }

  #record({ slot, key, idempotencyKey }: WriteOperation, opId: OpId, outcome: WriteRecord['outcome']): void {
    const { shard, nowMs } = this.#at;
    if (idempotencyKey === undefined) return void this.#records.push({ opId, slot, shard, key, outcome });
    const idempotency = { fingerprint: idempotencyKey.fingerprint, atMs: nowMs };
    this.#records.push({ opId: idempotencyKey.opId, slot, shard, key, outcome, idempotency });
    this.#hasIdempotencyKeys = true;
  }

  /** @param seenLsn the writer's: lsns are a Lamport clock, so that those of two shards can be compared */
  #newVersion(seenLsn: number): number {
    this.#lsn = Math.max(this.#lsn, seenLsn) + 1;
    return this.#lsn;
  }

  #count(keys: number, bytes: number): void {
    this.#keys += keys;
    this.#bytes += bytes;
  }
}

function opIdOf(resend: Resend | undefined, index: number): OpId {
  return resend === undefined ? noOpId : opIdOfItem(resend.opId, index);
}

function answerOf(
  { outcome, idempotency }: WriteRecord,
  fingerprint: Buffer | undefined,
): { readonly kind: 'answer' | 'refusal'; readonly outcome: KeyOutcome } | undefined {
  if (outcome.kind === 'expired') return undefined;
  if (fingerprint !== undefined && idempotency?.fingerprint.equals(fingerprint) === false) {
    return { kind: 'refusal', outcome: idempotencyKeyReused };
  }
  return { kind: 'answer', outcome };
}

const diskFull: FailedOutcome = {
  kind: 'failed',
  code: 'disk-full',
  detail: 'The disk of this shard is full. The write was not applied; reads continue.',
};
const forgotten: FailedOutcome = {
  kind: 'failed',
  code: 'outcome-unknown',
  detail: 'The retry came too late to tell whether the write was applied before.',
};
