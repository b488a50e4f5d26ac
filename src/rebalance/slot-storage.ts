/**
 * What a move needs of a shard's file. Every method is one step: it has happened, durably where it says so, when
 * it returns. The simulator brings a storage of its own whose disk can fail.
 */

import type { Key } from '../kv/key.ts';
import type { LedgerPart, Move, MoveId } from './move.ts';
import type { PackedRows } from './packed-rows.ts';
import type { Cursor, RowDelta, SlotSum } from './row.ts';

export type Page = { readonly rows: PackedRows; readonly next: Cursor | undefined };

export type PageLimits = { readonly rowsMax: number; readonly bytesMax: number };

export interface SlotStorage {
  readonly lsn: number;
  /** Results of writes up to here may be missing in `ledgerSince`: resends of them cannot be told from new writes. */
  readonly forgottenLsn: number;

  /** Target, durable: these slots are on their way in, and nobody else's garbage any more. */
  openIncoming(move: Move): void;
  /** Target, durable: of rows that lie in these slots so many are gone. True when none was left. */
  wipe(slots: readonly number[], rowsMax: number): boolean;
  /** Target: a page of rows. Durable, but not counted, served or listed yet. */
  store(rows: PackedRows): void;
  /** Target: what became of keys whose rows may have come already. Durable like those. */
  apply(changes: readonly RowDelta[]): void;
  /**
   * Target, durable, one transaction: the last changes, the ledger's part, an lsn above the source's. False, and
   * nothing of it done, when the rows then stored do not come to `expected`.
   */
  seal(move: Move, part: SealedPart): boolean;

  /** Source: rows of these slots in order of slot and key. */
  page(slots: readonly number[], after: Cursor | undefined, limits: PageLimits): Page;
  /** Source: what a key is now. */
  deltaOf(slot: number, key: Key): RowDelta;
  /** Source: results of writes to these slots, of so many commits since this lsn. */
  ledgerSince(slots: readonly number[], lsn: number, commitsMax: number): LedgerPart;
  /**
   * Either side: finds out what these slots come to, as far as it is not known, by reading about so many rows. How
   * many slots are left. What is known before a slot is frozen, nobody has to wait for then.
   */
  sumSome(slots: readonly number[], rowsMax: number): number;
  /** Source, durable: what these slots come to, remembered until it is known whether they have left. */
  openOutgoing(move: Move): SlotSum;

  /** Durable: whatever was noted of this move is off; rows that do not belong here become garbage. */
  forget(move: MoveId): void;
}

export type SealedPart = {
  readonly changes: readonly RowDelta[];
  readonly results: readonly Buffer[];
  readonly sourceLsn: number;
  /** The source's: from now on the target has forgotten as much. */
  readonly forgottenLsn: number;
  readonly expected: SlotSum;
};
