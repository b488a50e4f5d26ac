/**
 * The feed of changes as shards of keys keep it: rows of their ledgers. Types, and the range of ids; how the rows of several shards
 * become one feed is in feed-merge.ts.
 */

import type { FailedOutcome } from './outcome.ts';

/** A shard's number; a store without shards has one shard, number 1. */
export type ShardId = number;

/** Ids are given once each, from 1 on, and have two bytes wherever they are packed. */
export const shardIdMax = 0xffff;

/** How far one shard's ledger has been read: up to `lsn`, and `carried` records of the arrival that follows it. */
export type Place = { readonly lsn: number; readonly carried: number };

export const beginning: Place = { lsn: 0, carried: 0 };

/** What a row of the feed says when its records came from another shard. */
export type Arrival =
  /** Records that came before their slots; whether those will come is still open. */
  | { readonly kind: 'carried' }
  /** The slots have come. The row has some of the records that came with them. */
  | {
      readonly kind: 'arrived';
      readonly from: number;
      /** The source's lsn when it let go: all its writes to these slots are at or below it. */
      readonly sourceLsn: number;
      /** Up to here the source no longer knew its own writes. */
      readonly forgottenLsn: number;
      /** How many records come before those of this row. */
      readonly recordsBefore: number;
      /** Whether no more of them come after this row. */
      readonly isLast: boolean;
    };

/** One commit, or one arrival of slots or a part of it. */
export type FeedRow = {
  readonly lsn: number;
  readonly arrival: Arrival | undefined;
  /** Packed (write-record.ts). In a row with an arrival: records that came with the slots. */
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
  /** Rows after a place, in order: none when `rowsMax` is 0. An arrival with many records is the last of its page. */
  page(shard: ShardId, after: Place, rowsMax: number): Promise<FeedPage | FailedOutcome>;
}
