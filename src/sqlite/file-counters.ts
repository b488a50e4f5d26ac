/** What a shard's file counts of itself. Every ledger row carries it, so it is exact after any crash. */
export type FileCounters = {
  /** Commit sequence number of the last write. */
  readonly lsn: number;
  readonly keys: number;
  /** Bytes of all keys and values. */
  readonly bytes: number;
};
