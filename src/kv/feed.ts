/**
 * The feed of changes as shards of keys keep it: rows of their ledgers. Types, and the range of ids; how the rows of several shards
 * become one feed is in feed-merge.ts.
 */

import type { FailedOutcome } from './outcome.ts';

/** A shard's number; a store without shards has one shard, number 1. */
export type ShardId = number;

/** Ids are given once each, from 1 on, and have two bytes wherever they are packed. */
export const shardIdMax = 0xffff;

/** What a row says when its records came from another shard. */
export type Arrival =
  /** They lie here, but their slots may yet not come. */
  | { readonly kind: 'carried' }
  /** The slots have come, with the records of the row with lsn `carriedLsn`. */
  | {
      readonly kind: 'arrived';
      readonly carriedLsn: number;
      readonly from: number;
      /** The giver's lsn when it let go: all it ever did to these slots is not above it. */
      readonly sourceLsn: number;
      /** The giver did not know any more what it did up to here. */
      readonly forgottenLsn: number;
    };

/** One commit, or one arrival of slots. */
export type FeedRow = {
  readonly lsn: number;
  readonly arrival: Arrival | undefined;
  /** Packed (write-record.ts); of an arrival, what came with it. */
  readonly records: Buffer;
};

export type FeedPage = {
  readonly kind: 'feed';
  /** Of the ring that the shard had. Shards of one epoch have let each other's slots go. */
  readonly epoch: number;
  /** Rows up to here are gone. */
  readonly prunedLsn: number;
  /** The shard's, when the page was read. */
  readonly lsn: number;
  readonly rows: readonly FeedRow[];
};

/** Where a feed comes from. */
export interface FeedSource {
  /** Those that there are now. */
  shards(): readonly ShardId[];
  /** The highest number that any shard ever had: one above it is new. */
  lastShard(): ShardId;
  /** Rows after `afterLsn`, in order: none when `rowsMax` is 0. */
  page(shard: ShardId, afterLsn: number, rowsMax: number): Promise<FeedPage | FailedOutcome>;
}
