/** The one interface behind which every strategy (a SQLite file, shards behind a ring, Redis) keeps values. */

import type { FeedSource } from './feed.ts';
import type { Listing, ListQuery } from './listing.ts';
import type { Operation } from './operation.ts';
import type { FailedOutcome, Outcome } from './outcome.ts';

/** Where the time of an operation went, in milliseconds. The store fills it in. */
export type Timing = {
  /** Arrival of the request, by the monotonic clock. */
  readonly beganAtMs: number;
  /** Who executed it, e.g. `shard-2`. */
  executor?: string;
  /** Duration of the transaction that executed it. */
  sqliteMs?: number;
  /** From sending the operation to receiving its answer, less `sqliteMs`. */
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

/** An operation was answered or given up, so long after it came. */
export type OnSettled = (operation: Operation, durationMs: number, outcome: Outcome) => void;
