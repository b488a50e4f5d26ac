/**
 * What can be done with a key, what comes of it, and the one interface behind which every strategy
 * (a SQLite file, shards behind a ring, Redis) does it. Pure types: no store lives here.
 */

import type { Condition } from './condition.ts';
import type { ErrorCode } from './errors.ts';
import type { FeedSource } from './feed.ts';
import type { Key } from './key.ts';
import type { Listing, ListQuery } from './listing.ts';

/** The slot travels with the operation, so that it is computed once and every store agrees on it. */
type Addressed = { readonly slot: number; readonly key: Key };

/** What all writes may carry. */
type Guarded = Addressed & { readonly condition?: Condition; readonly clientName?: ClientName };

type GetOperation = Addressed & { readonly kind: 'get' };
type HeadOperation = Addressed & { readonly kind: 'head' };
export type PutOperation = Guarded & {
  readonly kind: 'put';
  /** As the client sent it: 0–255 latin1 bytes, '' when the client sent none. */
  readonly contentType: string;
  readonly value: Buffer;
  /** Unix milliseconds from which on the value is gone; absent for never. */
  readonly expiresAtMs?: number;
};
type DeleteOperation = Guarded & { readonly kind: 'delete' };
/** Adds to the 64-bit number that the value is the decimal text of; an absent one counts as 0. */
export type IncrementOperation = Guarded & { readonly kind: 'increment'; readonly by: bigint };

export type ReadOperation = GetOperation | HeadOperation;
export type WriteOperation = PutOperation | DeleteOperation | IncrementOperation;
export type KeyOperation = ReadOperation | WriteOperation;

/** Several operations on keys of one slot: all of them in one step or, when one is refused, none. */
export type AtomicOperation = {
  readonly kind: 'atomic';
  readonly slot: number;
  readonly operations: readonly KeyOperation[];
};

export type Operation = KeyOperation | AtomicOperation;

export function isWrite(operation: Operation): operation is WriteOperation | AtomicOperation {
  return operation.kind !== 'get' && operation.kind !== 'head';
}

/**
 * The answer to one operation. `version` is the commit sequence number of the key's last write: it only
 * grows, and two values of one key never share it.
 */
export type Outcome = KeyOutcome | TogetherOutcome;

export type KeyOutcome =
  | (Described & { readonly kind: 'value'; readonly value: Buffer })
  | (Described & { readonly kind: 'metadata'; readonly valueBytes: number })
  | { readonly kind: 'absent' }
  | WriteOutcome
  | UnmetOutcome
  | FailedOutcome;

type Described = {
  readonly version: number;
  readonly contentType: string;
  /** Unix milliseconds; absent for never. */
  readonly expiresAtMs?: number;
};

/** As a part of an operation, a row or an outcome: where 0 stands for never, it leaves the field out. */
export function expiryOf(expiresAtMs: number): { expiresAtMs?: number } {
  return expiresAtMs === 0 ? {} : { expiresAtMs };
}

export type WriteOutcome =
  | { readonly kind: 'created'; readonly version: number }
  | { readonly kind: 'replaced'; readonly version: number }
  | { readonly kind: 'deleted'; readonly version: number }
  | { readonly kind: 'counted'; readonly version: number; readonly number: bigint };

/** The condition did not hold and nothing was done. `version` is what the key has, 0 when it has no value. */
type UnmetOutcome = { readonly kind: 'unmet'; readonly version: number };

/** The operation was not applied, except for `outcome-unknown`, where nobody can tell. */
export type FailedOutcome = { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

/** Of an atomic operation, one an operation; where one is `unmet` or `failed` none was applied. */
type TogetherOutcome = { readonly kind: 'together'; readonly outcomes: readonly KeyOutcome[] };

/**
 * Names one write for ever: 8 random bytes of the sender's life, then a counter. A store that has applied an op
 * id once answers a resend from its ledger.
 */
export type OpId = Buffer;
export const opIdBytes = 16;

/** Op id of one operation within an atomic one: its sender leaves the ids that follow the first unused. */
export function opIdOfItem(opId: OpId, index: number): OpId {
  const own = Buffer.from(opId);
  own.writeBigUInt64LE(BigInt.asUintN(64, own.readBigUInt64LE(8) + BigInt(index)), 8);
  return own;
}

/** A client that may send a write again gave it a name (Idempotency-Key): it is applied once for as long as that is kept. */
export type ClientName = {
  readonly opId: OpId;
  /** Of what was asked: the same name for something else is a mistake. */
  readonly fingerprint: Buffer;
};
export const fingerprintBytes = 8;
/** For how long a name counts. */
export const namesKeptMs = 24 * 3_600_000;

/** Operations of one batch. */
export const batchOperationsMax = 1_000;
/** Of a batch, as it is asked for; and of the values that it reads. */
export const batchBytesMax = 16 * 1024 * 1024;

/** What lets a write be sent twice and applied once. */
export type Resend = {
  readonly opId: OpId;
  /** True when an earlier connection may have carried this write already. */
  readonly resent: boolean;
  /** The highest lsn that the sender had seen of this shard when it first sent the write. */
  readonly seenLsn: number;
};

/** Filled by a store that is asked where the time went; milliseconds. */
export type Timing = {
  /** When the request came, by the monotonic clock. */
  readonly beganAtMs: number;
  /** Who executed it, e.g. `shard-2`. */
  executor?: string;
  /** The transaction that it was part of. */
  sqliteMs?: number;
  /** From sending it to having the answer, without the transaction. */
  wireMs?: number;
};

export interface Store {
  /** Never rejects for an operating error: those are outcomes. A rejection is a defect. */
  execute(operation: Operation, timing?: Timing): Promise<Outcome>;
  /** One page of keys, in the order of their bytes. */
  list(query: ListQuery): Promise<Listing | FailedOutcome>;
  /** Undefined where nothing keeps what has changed. */
  readonly feed: FeedSource | undefined;
  /** Answers what is under way, then lets go of files and sockets. Idempotent. */
  stop(): Promise<void>;
}
