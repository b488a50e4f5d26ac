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
export const moveCommands = [
  /** Target: forget whatever lies in these slots, and remember that they are on their way in. */
  'prepare',
  /** Source: from now on remember every key that is written in these slots. */
  'track',
  /** Target: copy, and catch up with what changed meanwhile. */
  'copy',
  /** Source: serve these slots no more. */
  'freeze',
  /** Target: get the last changes, compare, make it durable. */
  'finish',
  /** Both: the move is off. */
  'cancel',
  /** Both: the ring says so; are you done? */
  'release',
] as const;
export type MoveCommand = (typeof moveCommands)[number];

/** What a shard answers when it has done what it was asked. */
export const moveAnswers = ['prepared', 'tracked', 'caught-up', 'frozen', 'verified', 'released', 'cancelled'] as const;
export type MoveAnswer = (typeof moveAnswers)[number];

/** Why a shard cannot do its part. */
export const refusalCodes = [
  /** The disk has no room. It will not have it soon: the whole change is undone. */
  'disk-full',
  /** What arrived is not what was sent. */
  'rows-differ',
  /** The shard was born after the move began, or the move is not that far. */
  'move-unknown',
  /** The target lost its connection to the source. */
  'source-lost',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export type Refusal = { readonly code: RefusalCode; readonly reason: string };

export type Side = 'source' | 'target';

/** A command on its way to a shard. */
export type MoveOrder = {
  readonly command: MoveCommand;
  readonly move: Move;
  /** Of the ring that the primary has now. */
  readonly epoch: number;
  /** Where the target reaches the source; null while the source is away. */
  readonly sourceSocket: string | null;
  /** How fast to copy; 0 for as fast as it goes. */
  readonly rowsPerS: number;
};

/** What a shard says of a move to the primary. */
export type MoveReport =
  | { readonly type: 'move-answer'; readonly move: MoveId; readonly side: Side; readonly answer: MoveAnswer }
  | ({ readonly type: 'move-refusal'; readonly move: MoveId; readonly side: Side } & Refusal)
  | { readonly type: 'move-progress'; readonly move: MoveId; readonly rows: number; readonly bytes: number };

/** Results of writes to the moving slots, as the ledger packs them. */
export type LedgerPart = { readonly results: Buffer; readonly upToLsn: number; readonly isWhole: boolean };

/** The size of a step: short where clients would feel a long one. */
export type PageStep = 'short' | 'long';

/** What the target asks the source for, over their own connection, one thing at a time. */
export type SourceRequest =
  /** Rows as they are, in order of slot and key. */
  | { readonly kind: 'page'; readonly move: MoveId; readonly after: Cursor | undefined; readonly step: PageStep }
  /** Names of writes that clients may send again (their idempotency keys), in order of slot and op id. */
  | { readonly kind: 'names'; readonly move: MoveId; readonly after: Cursor | undefined; readonly step: PageStep }
  /** What was written since tracking began and has not been asked for since; and the ledger's part. */
  | { readonly kind: 'changes'; readonly move: MoveId; readonly ledgerSinceLsn: number }
  /** From a frozen source: all that is left, and the sum of the slots. */
  | { readonly kind: 'rest'; readonly move: MoveId; readonly ledgerSinceLsn: number };

export type SourceReply =
  | { readonly kind: 'page'; readonly rows: PackedRows; readonly next: Cursor | undefined }
  /** Packed records of the writes. */
  | { readonly kind: 'names'; readonly names: Buffer; readonly next: Cursor | undefined }
  | {
      readonly kind: 'changes';
      readonly changes: readonly RowDelta[];
      /** Packed records. */
      readonly names: Buffer;
      /** Keys and names that are still to come. */
      readonly left: number;
      /** Slots whose sums the source does not know yet. */
      readonly slotsUnsummed: number;
      readonly ledger: LedgerPart;
    }
  | {
      readonly kind: 'rest';
      readonly changes: readonly RowDelta[];
      readonly names: Buffer;
      readonly ledger: LedgerPart;
      readonly sum: SlotSum;
      readonly lsn: number;
      readonly forgottenLsn: number;
    }
  /** The source knows nothing of such a move, or it is not that far: the target gives up. */
  | ({ readonly kind: 'refusal' } & Refusal);
