/** What can be done with a key. Pure types, and the limits of a batch. */

import type { Condition } from './condition.ts';
import type { IdempotencyKey } from './idempotency-key.ts';
import type { Key } from './key.ts';
import type { PartWanted } from './value-part.ts';

/** The slot travels with the operation, so that it is computed once and every store agrees on it. */
type Addressed = { readonly slot: number; readonly key: Key };

/** What all writes may carry. */
type Guarded = Addressed & { readonly condition?: Condition; readonly idempotencyKey?: IdempotencyKey };

/** Comes to the value or a part of it, and where no part is wanted to what `head` tells. */
export type GetOperation = Addressed & PartWanted & { readonly kind: 'get' };
type HeadOperation = Addressed & { readonly kind: 'head' };
/** When a value is to be gone: at most one of the two. */
export type Expiry = {
  /**
   * Unix milliseconds from which on the value is gone, 0 for never. Refused when that is over by the store's clock, or
   * later than `lifetimeMsMax` from now.
   */
  readonly expiresAtMs?: number;
  /** Milliseconds for which the value is to live. The store counts from its own clock, and answers when that is over. */
  readonly ttlMs?: number;
};
/** Without an expiry the value never expires. */
export type PutOperation = Guarded &
  Expiry & {
    readonly kind: 'put';
    /** As the client sent it: 0–255 latin1 bytes, '' when the client sent none. */
    readonly contentType: string;
    readonly value: Buffer;
  };
/** Sets the expiry of a value that is there, and changes nothing else of it. It is a write: the key gets a new version. */
export type TouchOperation = Guarded & Expiry & { readonly kind: 'touch' };
type DeleteOperation = Guarded & { readonly kind: 'delete' };
/**
 * Adds to the 64-bit number that the value is the decimal text of; an absent one counts as 0. Without an expiry that of
 * the value stays.
 */
export type IncrementOperation = Guarded & Expiry & { readonly kind: 'increment'; readonly by: bigint };

export type ReadOperation = GetOperation | HeadOperation;
export type WriteOperation = PutOperation | TouchOperation | DeleteOperation | IncrementOperation;
export type KeyOperation = ReadOperation | WriteOperation;

/** Several operations on keys of one slot: all of them in one step or, when one is refused, none. It reads whole values. */
export type AtomicOperation = {
  readonly kind: 'atomic';
  readonly slot: number;
  readonly operations: readonly KeyOperation[];
};

export type Operation = KeyOperation | AtomicOperation;

export function isWrite(operation: Operation): operation is WriteOperation | AtomicOperation {
  return operation.kind !== 'get' && operation.kind !== 'head';
}

/** Whether it writes, and only deletes. */
export function makesRoom(operation: Operation): boolean {
  if (operation.kind !== 'atomic') return operation.kind === 'delete';
  const writes = operation.operations.filter(isWrite);
  return writes.length > 0 && writes.every(({ kind }) => kind === 'delete');
}

/** Of a value that expires: ten years. */
export const lifetimeMsMax = 315_360_000_000;

/** Operations that one batch may have. */
export const batchOperationsMax = 1_000;
/** The largest request for a batch, and the most that the values it reads may have, each in bytes. */
export const batchBytesMax = 16 * 1024 * 1024;
