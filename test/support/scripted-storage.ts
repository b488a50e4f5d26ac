/** A shard's storage for tests of one side of a move: it answers what it is told to, and writes down what it was asked. */

import type { Key } from '../../src/kv/key.ts';
import type { OpId } from '../../src/kv/op-id.ts';
import type { LedgerPart, Move, MoveId } from '../../src/rebalance/move.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import type { Cursor, RowDelta, SlotSum } from '../../src/rebalance/row.ts';
import type {
  NamePage,
  Page,
  PageLimits,
  PartLimits,
  SealedPart,
  SlotStorage,
} from '../../src/rebalance/slot-storage.ts';

export class ScriptedStorage implements SlotStorage {
  readonly asked: string[] = [];
  lsn = 40;
  forgottenLsn = 3;
  /** Of each `wipe`: whether none was left. */
  wipes: boolean[] = [];
  /** Of each `sumSome`: how many slots are left. */
  unsummed: number[] = [];
  ledger: LedgerPart = { results: Buffer.alloc(0), upToLsn: 40, isWhole: true };
  nextPage: Page = { rows: PackedRows.of([]), next: undefined };
  nextNames: NamePage = { names: Buffer.alloc(0), next: undefined };
  carried: Buffer[] = [];
  sum: SlotSum = { keys: 1, bytes: 2, digest: 3 };
  sealed: SealedPart | undefined;
  isSealable = true;

  openIncoming(move: Move): void {
    this.asked.push(`openIncoming ${move.id}`);
  }

  wipe(slots: readonly number[], rowsMax: number): boolean {
    this.asked.push(`wipe ${slots} ${rowsMax}`);
    return this.wipes.shift() ?? true;
  }

  store(rows: PackedRows): void {
    this.asked.push(`store ${rows.count}`);
  }

  apply(changes: readonly RowDelta[]): void {
    this.asked.push(`apply ${changes.length}`);
  }

  keepNames(names: Buffer): void {
    this.asked.push(`keepNames ${names.length}`);
  }

  carry(move: Move, records: Buffer, upToLsn: number): void {
    this.asked.push(`carry ${move.id} ${upToLsn}`);
    this.carried.push(records);
  }

  seal(move: Move, part: SealedPart): boolean {
    this.asked.push(`seal ${move.id}`);
    this.sealed = part;
    return this.isSealable;
  }

  page(slots: readonly number[], after: Cursor | undefined, { rowsMax, bytesMax }: PageLimits): Page {
    this.asked.push(`page ${slots} after ${after?.slot} ${rowsMax} ${bytesMax}`);
    return this.nextPage;
  }

  deltaOf(slot: number, key: Key): RowDelta {
    return { slot, key };
  }

  names(slots: readonly number[], after: Cursor | undefined, { rowsMax, bytesMax }: PageLimits): NamePage {
    this.asked.push(`names ${slots} after ${after?.slot} ${rowsMax} ${bytesMax}`);
    return this.nextNames;
  }

  /** That of a refused write there is none. */
  nameOf(_slot: number, opId: OpId): Buffer | undefined {
    return opId[0] === 0 ? undefined : opId;
  }

  ledgerSince(slots: readonly number[], lsn: number, { commitsMax }: PartLimits): LedgerPart {
    this.asked.push(`ledgerSince ${slots} ${lsn} ${commitsMax}`);
    return this.ledger;
  }

  forgetSums(slots: readonly number[]): void {
    this.asked.push(`forgetSums ${slots}`);
  }

  sumSome(slots: readonly number[], { rowsMax }: PageLimits): number {
    this.asked.push(`sumSome ${slots} ${rowsMax}`);
    return this.unsummed.shift() ?? 0;
  }

  openOutgoing(move: Move): SlotSum {
    this.asked.push(`openOutgoing ${move.id}`);
    return this.sum;
  }

  forget(move: MoveId): void {
    this.asked.push(`forget ${move}`);
  }
}
