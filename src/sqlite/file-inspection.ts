/** What a shard's file says of itself, read while nobody has it open. An older one is upgraded by that. */

import type { RingDescription } from '../partition/ring.ts';
import type { FileCounters } from './file-counters.ts';
import { IdempotencyTable } from './idempotency-table.ts';
import { LedgerTable } from './ledger-table.ts';
import type { OpenDatabase } from './open-database.ts';
import { shardSchema } from './shard-schema.ts';
import { type FileIdentity, identityIn, StandingTable } from './standing-table.ts';
import { type ToldTime, toldTimeIn } from './told-time.ts';
import { type Transfer, TransferTable } from './transfer-table.ts';

export type FileInspection = FileIdentity & {
  readonly counters: FileCounters;
  /** Of the ring that it adopted last; 0 before the first. */
  readonly epoch: number;
  readonly adoptedRing: RingDescription | undefined;
  readonly transfers: readonly Transfer[];
  readonly told: ToldTime;
};

/** @throws UnusableFile, WrongFile, FileLocked */
export function inspectFile(path: string, open: OpenDatabase): FileInspection | undefined {
  const db = open(path, shardSchema, { absence: 'refuse' });
  try {
    const identity = identityIn(db);
    if (identity === undefined) return undefined;
    const standing = new StandingTable(db);
    return {
      ...identity,
      counters: new LedgerTable(db, new IdempotencyTable(db)).counters(),
      epoch: standing.epoch,
      adoptedRing: standing.adoptedRing,
      transfers: new TransferTable(db).all(),
      told: toldTimeIn(db),
    };
  } finally {
    db.close();
  }
}
