/** Outcomes of operations, the same in every store. Pure types. */

import type { ErrorCode } from './errors.ts';

/**
 * The answer to one operation. `version` is the commit sequence number of the key's last write: it only
 * grows, and two values of one key never share it.
 */
export type Outcome = KeyOutcome | BatchOutcome;

export type KeyOutcome =
  | (Described & { readonly kind: 'value'; readonly value: Buffer })
  | PartOutcome
  | MetadataOutcome
  | { readonly kind: 'absent' }
  | WriteOutcome
  | PreconditionFailedOutcome
  | FailedOutcome;

/** Of a value of `valueBytes`, only what was wanted: `value`, of which the first byte is number `first` there. */
type PartOutcome = Described & {
  readonly kind: 'part';
  readonly first: number;
  readonly value: Buffer;
  readonly valueBytes: number;
};

export type MetadataOutcome = Described & { readonly kind: 'metadata'; readonly valueBytes: number };

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

/**
 * `expiresAtMs`, in Unix milliseconds, where the store's own clock decided it; of a counter, whenever it expires. It is
 * left out when the write is sent again after the value was written anew.
 */
export type WriteOutcome =
  | { readonly kind: 'created'; readonly version: number; readonly expiresAtMs?: number }
  | { readonly kind: 'replaced'; readonly version: number; readonly expiresAtMs?: number }
  | { readonly kind: 'deleted'; readonly version: number }
  | { readonly kind: 'counted'; readonly version: number; readonly number: bigint; readonly expiresAtMs?: number };

/** The condition did not hold and nothing was done. `version` is what the key has, 0 when it has no value. */
type PreconditionFailedOutcome = { readonly kind: 'precondition-failed'; readonly version: number };

/** The operation was not applied, except for `outcome-unknown`, where nobody can tell. */
export type FailedOutcome = { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

/** One outcome for each operation of a batch. If any is `precondition-failed` or `failed`, none was applied. */
type BatchOutcome = { readonly kind: 'batch'; readonly outcomes: readonly KeyOutcome[] };
