/**
 * The words that the three parties of a move share: the primary, which decides (coordinator), the shard that
 * gives slots away (source), and the shard that gets them (target). Pure types.
 */

import type { PackedRows } from './packed-rows.ts';
import type { Cursor, RowDelta, SlotSum } from './row.ts';

export type MoveId = number;

export type Move = {
  /** Rises over the life of a service: messages of an older move are recognised by it. */
  readonly id: MoveId;
  readonly from: number;
  readonly to: number;
  /** Ascending. */
  readonly slots: readonly number[];
};

/** What the coordinator asks of a shard. Each may be asked more than once. */
export type MoveCommand =
  /** Target: note these slots as importing, and delete whatever lies in them. */
  | 'prepare'
  /** Source: from now on remember every key that is written in these slots. */
  | 'track'
  /** Target: copy, and catch up with what changed meanwhile. */
  | 'copy'
  /** Source: serve these slots no more. */
  | 'freeze'
  /** Target: get the last changes, compare, make all of it durable. */
  | 'finish'
  /** Both: the move is off. */
  | 'cancel'
  /** Both: the ring has changed; answer once the slots have come or left. */
  | 'release';

/** A shard's answer once it has carried a command out. */
export type MoveAnswer = 'prepared' | 'tracked' | 'caught-up' | 'frozen' | 'verified' | 'released' | 'cancelled';

/** Results of writes to the moving slots, as the ledger packs them. */
export type LedgerPart = { readonly results: Buffer; readonly upToLsn: number; readonly isWhole: boolean };

/** The size of a step: short where clients would feel a long one. */
export type PageStep = 'short' | 'long';

/** What the target asks the source for, over their own connection, one thing at a time. */
export type SourceRequest =
  /** Rows as they are, in order of slot and key. */
  | { readonly kind: 'page'; readonly move: MoveId; readonly after: Cursor | undefined; readonly step: PageStep }
  /** Keys that were written since tracking began and have not been asked for since; and the ledger's part. */
  | { readonly kind: 'changes'; readonly move: MoveId; readonly ledgerSinceLsn: number }
  /** From a frozen source: all that is left, and the sum of the slots. */
  | { readonly kind: 'rest'; readonly move: MoveId; readonly ledgerSinceLsn: number };

export type SourceReply =
  | { readonly kind: 'page'; readonly rows: PackedRows; readonly next: Cursor | undefined }
  | {
      readonly kind: 'changes';
      readonly changes: readonly RowDelta[];
      readonly left: number;
      /** Slots whose sums the source does not know yet. */
      readonly slotsUnsummed: number;
      readonly ledger: LedgerPart;
    }
  | {
      readonly kind: 'rest';
      readonly changes: readonly RowDelta[];
      readonly ledger: LedgerPart;
      readonly sum: SlotSum;
      readonly lsn: number;
      readonly forgottenLsn: number;
    }
  /** The source does not know this move, or is not ready for the request: the target gives up. */
  | { readonly kind: 'refusal'; readonly reason: string };
