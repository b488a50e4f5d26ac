/**
 * What can be done with a key, what comes of it, and the one interface behind which every strategy
 * (a SQLite file, shards behind a ring, Redis) does it. Pure types: no store lives here.
 */

import type { ErrorCode } from './errors.ts';
import type { Key } from './key.ts';

/** The slot travels with the operation, so that it is computed once and every store agrees on it. */
type Addressed = { readonly slot: number; readonly key: Key };

type GetOperation = Addressed & { readonly kind: 'get' };
type HeadOperation = Addressed & { readonly kind: 'head' };
type PutOperation = Addressed & {
  readonly kind: 'put';
  /** As the client sent it: 0–255 latin1 bytes, '' when the client sent none. */
  readonly contentType: string;
  readonly value: Buffer;
};
type DeleteOperation = Addressed & { readonly kind: 'delete' };

export type ReadOperation = GetOperation | HeadOperation;
export type WriteOperation = PutOperation | DeleteOperation;
export type Operation = ReadOperation | WriteOperation;

export function isWrite(operation: Operation): operation is WriteOperation {
  return operation.kind === 'put' || operation.kind === 'delete';
}

/**
 * The answer to one operation. `version` is the commit sequence number of the key's last write: it only
 * grows, and two values of one key never share it.
 */
export type Outcome =
  | { readonly kind: 'value'; readonly version: number; readonly contentType: string; readonly value: Buffer }
  | { readonly kind: 'metadata'; readonly version: number; readonly contentType: string; readonly valueBytes: number }
  | { readonly kind: 'absent' }
  | WriteOutcome
  | FailedOutcome;

export type WriteOutcome =
  | { readonly kind: 'created'; readonly version: number }
  | { readonly kind: 'replaced'; readonly version: number }
  | { readonly kind: 'deleted'; readonly version: number };

/** The operation was not applied, except for `outcome-unknown`, where nobody can tell. */
export type FailedOutcome = { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string };

/**
 * Names one write for ever: 8 random bytes of the sender's life, then a counter. A store that has applied an op
 * id once answers a resend from its ledger.
 */
export type OpId = Buffer;
export const opIdBytes = 16;

/** What lets a write be sent twice and applied once. */
export type Resend = {
  readonly opId: OpId;
  /** True when an earlier connection may have carried this write already. */
  readonly resent: boolean;
  /** The highest lsn that the sender had seen of this shard when it first sent the write. */
  readonly seenLsn: number;
};

export interface Store {
  /** Never rejects for an operating error: those are outcomes. A rejection is a defect. */
  execute(operation: Operation): Promise<Outcome>;
  /** Answers what is under way, then lets go of files and sockets. Idempotent. */
  stop(): Promise<void>;
}
