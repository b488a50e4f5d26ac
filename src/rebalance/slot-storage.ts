/**
 * What a move needs of a shard's file. Every method is one step: when it returns, the step is done, and durable where
 * the method says so.
 */

import type { Key } from '../kv/key.ts';
import type { OpId } from '../kv/op-id.ts';
import type { LedgerPart, Move, MoveId } from './move.ts';
import type { PackedRows } from './packed-rows.ts';
import type { Cursor, RowDelta, SlotSum } from './row.ts';

export type Page = { readonly rows: PackedRows; readonly next: Cursor | undefined };

/** Packed records of writes that have a name. */
export type NamePage = { readonly names: Buffer; readonly next: Cursor | undefined };

export type PageLimits = { readonly rowsMax: number; readonly bytesMax: number };

/** Of a part of the ledger: commits, and bytes of their records but for those of the last one. */
export type PartLimits = { readonly commitsMax: number; readonly bytesMax: number };

export interface SlotStorage {
  readonly lsn: number;
  /** Results of writes up to here may be missing in `ledgerSince`: resends of them cannot be told from new writes. */
  readonly forgottenLsn: number;

  /** Target, durable: notes these slots as importing; what an earlier move left of them is no longer orphaned. */
  openIncoming(move: Move): void;
  /** Target, durable: deletes up to `rowsMax` rows and names of these slots. True when none is left. */
  wipe(slots: readonly number[], rowsMax: number): boolean;
  /** Target: stores a page of rows. Durable, but not yet counted, served or listed. */
  store(rows: PackedRows): void;
  /** Target: stores changes of keys whose rows may have come already. As durable as `store`. */
  apply(changes: readonly RowDelta[]): void;
  /** Target: stores names of writes, packed records that may have come already. As durable as `store`. */
  keepNames(names: Buffer): void;
  /**
   * Target: stores records of the source's ledger up to this lsn. As durable as `store`; nobody is told of them before
   * the slots have come, and `forget` takes them back.
   */
  carry(move: Move, records: Buffer, upToLsn: number): void;
  /**
   * Target, durable, one transaction: the last changes, the ledger's part, an lsn above the source's. False, and
   * nothing of it done, when the rows then stored do not come to `expected`.
   */
  seal(move: Move, part: SealedPart): boolean;

  /** Source: rows of these slots in order of slot and key. */
  page(slots: readonly number[], after: Cursor | undefined, limits: PageLimits): Page;
  /** Source: what a key is now. */
  deltaOf(slot: number, key: Key): RowDelta;
  /** Source: names of writes to these slots, in order of slot and op id. */
  names(slots: readonly number[], after: Cursor | undefined, limits: PageLimits): NamePage;
  /** Source: the packed record of the write with this name; undefined when it was refused, or is forgotten. */
  nameOf(slot: number, opId: OpId): Buffer | undefined;
  /** Source: results of writes to these slots, from so much of the ledger after this lsn. */
  ledgerSince(slots: readonly number[], lsn: number, limits: PartLimits): LedgerPart;
  /**
   * Either side: goes on finding the sums of slots whose sums are unknown, reading about as much as a page has, and
   * returns how many slots are left. What is written meanwhile loses nothing of it. No client waits for a sum that is
   * known before its slot is frozen.
   */
  sumSome(slots: readonly number[], limits: PageLimits): number;
  /** Either side: what these slots come to is of no more interest. */
  forgetSums(slots: readonly number[]): void;
  /** Source, durable: notes these slots as migrating, and returns their sum. */
  openOutgoing(move: Move): SlotSum;

  /** Durable: drops the notes of this move; rows that do not belong here become orphaned. */
  forget(move: MoveId): void;
}

export type SealedPart = {
  readonly changes: readonly RowDelta[];
  readonly names: Buffer;
  /** Packed records that were not carried before, those of each key in order. */
  readonly records: Buffer;
  readonly sourceLsn: number;
  /** The source's: from now on the target knows no more than the source did. */
  readonly forgottenLsn: number;
  readonly expected: SlotSum;
};
