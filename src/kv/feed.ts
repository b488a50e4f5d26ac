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
  /** The records are here; whether their slots will come is still open. */
  | { readonly kind: 'carried' }
  /** The slots have come, with the records of the row with lsn `carriedLsn`. */
  | {
      readonly kind: 'arrived';
      readonly carriedLsn: number;
      readonly from: number;
      /** The source's lsn when it let go: all its writes to these slots are at or below it. */
      readonly sourceLsn: number;
      /** Up to here the source no longer knew its own writes. */
      readonly forgottenLsn: number;
    };

/** One commit, or one arrival of slots. */
export type FeedRow = {
  readonly lsn: number;
  readonly arrival: Arrival | undefined;
  /** Packed (write-record.ts). In a row with an arrival: the records that came with the slots. */
  readonly records: Buffer;
};

export type FeedPage = {
  readonly kind: 'feed';
  /** The epoch of the shard's ring. Shards at one epoch have let go of each other's slots. */
  readonly epoch: number;
  /** The lsn up to which rows are gone. */
  readonly prunedLsn: number;
  /** The shard's lsn when the page was read. */
  readonly lsn: number;
  readonly rows: readonly FeedRow[];
};

/** The shards whose ledgers make the feed. */
export interface FeedSource {
  /** The shards that exist now. */
  shards(): readonly ShardId[];
  /** The highest number that any shard ever had: a shard with a higher one is new. */
  lastShard(): ShardId;
  /** Rows after `afterLsn`, in order: none when `rowsMax` is 0. */
  page(shard: ShardId, afterLsn: number, rowsMax: number): Promise<FeedPage | FailedOutcome>;
}
