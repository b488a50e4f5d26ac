/** The one interface behind which every strategy (a SQLite file, shards behind a ring, Redis) keeps values. */

import type { FeedSource } from './feed.ts';
import type { Listing, ListQuery } from './listing.ts';
import type { Operation } from './operation.ts';
import type { FailedOutcome, Outcome } from './outcome.ts';

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
