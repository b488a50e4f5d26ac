/**
 * A shard's file as a move sees it: the steps of `SlotStorage`, each one transaction, and what the ring makes of them.
 * Rows that come are neither counted nor served until they are settled. What a shard owns it never decides here:
 * `settle` is told by the ring.
 */

import type { Key } from '../kv/key.ts';
import type { OpId } from '../kv/op-id.ts';
import { allRecords, measureRecords, recordWindowLsn } from '../kv/write-record.ts';
import type { Ring } from '../partition/ring.ts';
import { dearInvariant, invariant } from '../ports/invariant.ts';
import type { LedgerPart, Move, MoveId } from '../rebalance/move.ts';
import type { PackedRows } from '../rebalance/packed-rows.ts';
import type { ParticipantStorage } from '../rebalance/ports.ts';
import type { Cursor, RowDelta, SlotSum } from '../rebalance/row.ts';
import type { NamePage, Page, PageLimits, PartLimits, SealedPart } from '../rebalance/slot-storage.ts';
import { SlotSums } from '../rebalance/slot-sums.ts';
import { type Database, isDiskFull } from './database.ts';
import type { IdempotencyTable } from './idempotency-table.ts';
import type { LedgerTable, StoredArrival } from './ledger-table.ts';
import { RowWatch } from './row-watch.ts';
import { type RowTotals, SlotReader } from './slot-reader.ts';
import { SlotWriter } from './slot-writer.ts';
import type { StandingTable } from './standing-table.ts';
import { type Transfer, TransferTable } from './transfer-table.ts';

/** Thrown to roll back the transaction that compared the sums. */
class SumsDiffer extends Error {}

/** What a transfer needs of the file around it. */
export interface FileFigures {
  readonly lsn: number;
  readonly counters: RowTotals;
  /** Does all of the work or, when it throws, nothing; the figures are then as before. */
  transaction<T>(work: () => T): T;
  /** The same for what has to be done on a full disk too: it may use the reserve. */
  urgentTransaction<T>(work: () => T): T;
  /** Appends one ledger row: a higher lsn, changed counters, and records that came from another shard. */
  record(change: {
    readonly lsnAtLeast: number;
    readonly keys: number;
    readonly bytes: number;
    readonly records: Buffer;
    readonly arrival?: StoredArrival;
  }): void;
}

/** Those of the file that a transfer changes besides its own. */
type TransferTables = {
  readonly ledger: LedgerTable;
  readonly idempotency: IdempotencyTable;
  readonly standing: StandingTable;
};

const nothing: RowTotals = { keys: 0, bytes: 0 };
const noRecords = Buffer.alloc(0);

export class SlotTransfer implements ParticipantStorage {
  readonly isDiskFull = isDiskFull;
  /** Is told of every row that is written. */
  readonly watch: RowWatch;
  readonly #db: Database;
  readonly #figures: FileFigures;
  readonly #ledger: LedgerTable;
  readonly #idempotency: IdempotencyTable;
  readonly #standing: StandingTable;
  readonly #transfers: TransferTable;
  readonly #reader: SlotReader;
  readonly #writer: SlotWriter;
  readonly #sums = new SlotSums();
  #unsettled = nothing;

  constructor(db: Database, figures: FileFigures, { ledger, idempotency, standing }: TransferTables) {
    this.#db = db;
    this.#figures = figures;
    this.#ledger = ledger;
    this.#idempotency = idempotency;
    this.#standing = standing;
    this.#transfers = new TransferTable(db);
    this.#reader = new SlotReader(db, this.#sums);
    this.#writer = new SlotWriter(db);
    this.watch = new RowWatch(this.#sums, this.#reader);
  }

  /** Rows that move write many pages: while they do so beside clients, checkpoints come often, and none takes long. */
  set isMovingBesideClients(isSo: boolean) {
    this.#db.checkpointAfter(isSo ? 'few' : 'many');
  }

  get lsn(): number {
    return this.#figures.lsn;
  }

  /** A move carries no results of writes up to here. */
  get forgottenLsn(): number {
    return Math.max(this.#ledger.forgottenLsn, this.#figures.lsn - recordWindowLsn);
  }

  openIncoming(move: Move): void {
    this.#figures.transaction(() => {
      // What an earlier move left of these slots must not be taken for rows of this one, nor be purged under it.
      for (const transfer of this.#transfers.all()) {
        if (transfer.direction === 'migrating') continue;
        const isDropped = this.#transfers.removeSlots(transfer, move.slots);
        if (isDropped) this.#takeBackCarried(transfer);
      }
      this.#transfers.note(move, 'importing', { keys: 0, bytes: 0 });
    });
    this.forgetSums(move.slots);
  }

  wipe(slots: readonly number[], rowsMax: number): boolean {
    const deleted = this.#figures.transaction(() => {
      const rows = this.#writer.deleteOf(slots, rowsMax);
      return rows + this.#idempotency.forgetOf(slots, rowsMax - rows);
    });
    if (deleted === rowsMax) return false;
    for (const slot of slots) this.#sums.expectNone(slot);
    return true;
  }

  store(rows: PackedRows): void {
    if (rows.count === 0) return;
    this.#figures.transaction(() => this.#writer.store(rows));
    this.#sums.add(rows);
  }

  apply(changes: readonly RowDelta[]): void {
    if (changes.length === 0) return;
    this.#figures.transaction(() => this.#applyEach(changes));
  }

  keepNames(names: Buffer): void {
    if (names.length > 0) this.#figures.transaction(() => this.#keepNames(names));
  }

  carry(move: Move, records: Buffer, upToLsn: number): void {
    this.#figures.transaction(() => {
      const arrival = { ...this.#carriedWith(move, records, upToLsn), sourceLsn: upToLsn, forgottenLsn: 0 };
      this.#transfers.note(move, 'importing', nothing, arrival);
    });
  }

  seal(move: Move, { changes, names, records, sourceLsn, forgottenLsn, expected }: SealedPart): boolean {
    try {
      this.#figures.transaction(() => {
        this.#applyEach(changes);
        this.#keepNames(names);
        this.watch.written();
        const sum = this.#reader.sumOf(move.slots);
        if (!sum.equals(expected)) throw new SumsDiffer();
        this.#ledger.forgetUpTo(forgottenLsn);
        const arrival = { ...this.#carriedWith(move, records, sourceLsn), sourceLsn, forgottenLsn };
        this.#transfers.note(move, 'importing', sum, arrival);
      });
      return true;
    } catch (error) {
      // What was summed within the transaction is of rows that were taken back with it.
      this.forgetSums(move.slots);
      if (error instanceof SumsDiffer) return false;
      throw error;
    }
  }

  page(slots: readonly number[], after: Cursor | undefined, limits: PageLimits): Page {
    return this.#reader.page(slots, after, limits);
  }

  sumSome(slots: readonly number[], limits: PageLimits): number {
    return this.#reader.sumSome(slots, limits);
  }

  forgetSums(slots: readonly number[]): void {
    for (const slot of slots) this.#sums.forget(slot);
  }

  deltaOf(slot: number, key: Key): RowDelta {
    return this.#reader.deltaOf(slot, key);
  }

  names(slots: readonly number[], after: Cursor | undefined, limits: PageLimits): NamePage {
    return this.#idempotency.page(slots, after, limits);
  }

  nameOf(slot: number, opId: OpId): Buffer | undefined {
    return this.#idempotency.packed(slot, opId);
  }

  ledgerSince(slots: readonly number[], lsn: number, limits: PartLimits): LedgerPart {
    return this.#ledger.since(slots, { afterLsn: lsn, lastLsn: this.#figures.lsn, ...limits });
  }

  openOutgoing(move: Move): SlotSum {
    const sum = this.#reader.sumOf(move.slots);
    this.#figures.transaction(() => this.#transfers.note(move, 'migrating', sum));
    return sum;
  }

  forget(move: MoveId): void {
    this.#figures.urgentTransaction(() => {
      const transfer = this.#transfers.of(move);
      if (transfer?.direction === 'migrating') this.#transfers.drop(move);
      if (transfer?.direction === 'importing') this.#orphan(transfer);
    });
  }

  /**
   * Makes the notes true to the ring, whose epoch the file then has: what has come is counted, what has left is
   * orphaned. Idempotent.
   * @param isOpen moves that this process takes part in right now: they are not settled yet
   * @returns the moves whose slots have come or left by this
   */
  settle(ring: Ring, shard: number, isOpen: (move: MoveId) => boolean): MoveId[] {
    try {
      const settled = this.#figures.urgentTransaction(() => this.#settleEach(ring, shard, isOpen));
      this.#unsettled = nothing;
      if (settled.length > 0) this.#checkCounts();
      return settled;
    } catch (error) {
      // The ring says what is served, whether there is room to note it or not.
      if (isDiskFull(error)) this.#unsettled = this.#sumOfMoved(ring, shard);
      throw error;
    }
  }

  /** Keys and bytes of slots that have come, less those of slots that have left, that `settle` could not note yet. */
  get unsettled(): RowTotals {
    return this.#unsettled;
  }

  #settleEach(ring: Ring, shard: number, isOpen: (move: MoveId) => boolean): MoveId[] {
    const settled: MoveId[] = [];
    this.#standing.adopt(ring);
    for (const transfer of this.#transfers.all()) {
      const { move, direction, slots, keys, bytes, arrival } = transfer;
      if (direction === 'orphaned') continue;
      const isOurs = ring.shardOf(slots[0] as number) === shard;
      const areOneMove = slots.every((slot) => (ring.shardOf(slot) === shard) === isOurs);
      invariant(areOneMove, `of the slots of move ${move} some are shard ${shard}'s, and some are not`);
      const sign = signOfMoved(transfer, ring, shard);
      if (sign === 0 && isOpen(move)) continue;
      if (sign !== 0) {
        settled.push(move);
        this.#figures.record({
          lsnAtLeast: 0,
          keys: sign * keys,
          bytes: sign * bytes,
          records: noRecords,
          ...(arrival && { arrival }),
        });
      }
      if (isOurs) this.#transfers.drop(move);
      else this.#orphan(transfer);
    }
    return settled;
  }

  #sumOfMoved(ring: Ring, shard: number): RowTotals {
    return this.#transfers.all().reduce((sum, transfer) => {
      const sign = signOfMoved(transfer, ring, shard);
      return { keys: sum.keys + sign * transfer.keys, bytes: sum.bytes + sign * transfer.bytes };
    }, nothing);
  }

  /** Slots of which rows may be here though they are not owned. */
  slotsInTransit(): ReadonlySet<number> {
    return new Set(this.#transfers.all().flatMap(({ slots }) => slots));
  }

  /** Deletes some orphaned rows or gives some free pages back to the disk; false when there is neither. */
  purgeStep({ rowsMax, pagesMax }: { readonly rowsMax: number; readonly pagesMax: number }): boolean {
    const orphaned = this.#transfers.all().find(({ direction }) => direction === 'orphaned');
    if (orphaned !== undefined) {
      this.#figures.urgentTransaction(() => this.#purge(orphaned, rowsMax));
      return true;
    }
    return this.#db.shrink(pagesMax);
  }

  #purge({ move, slots }: Transfer, rowsMax: number): void {
    let left = rowsMax;
    for (const slot of slots) {
      this.#sums.forget(slot);
      left -= this.#writer.deleteOfSlot(slot, left);
      left -= this.#idempotency.forgetSlot(slot, left);
      if (left === 0) return;
    }
    this.#transfers.drop(move);
    this.#checkCounts();
  }

  /** What is counted is what is there, once nothing is in transit. */
  #checkCounts(): void {
    dearInvariant(() => {
      if (this.#transfers.all().length > 0) return true;
      const { keys, bytes } = this.#reader.totals();
      return keys === this.#figures.counters.keys && bytes === this.#figures.counters.bytes;
    }, 'what the file counts is not what lies in it');
  }

  /** Adds a row of carried records to the ledger. Returns all that the note of the move says of such rows. */
  #carriedWith(move: Move, records: Buffer, lsnAtLeast: number) {
    const before = this.#transfers.of(move.id)?.arrival;
    const carried = before?.kind === 'arrived' ? before.carried : [];
    // Also without records: it lifts the lsn.
    this.#figures.record({ lsnAtLeast, keys: 0, bytes: 0, records, arrival: { kind: 'carried' } });
    const row = { lsn: this.#figures.lsn, records: measureRecords(records, allRecords).records };
    return { kind: 'arrived', carried: [...carried, row], from: move.from } as const;
  }

  /** Rows of these slots that are here are to be purged; what the ledger got with them is taken back at once. */
  #orphan(transfer: Transfer): void {
    this.#takeBackCarried(transfer);
    this.#transfers.orphan(transfer.move);
  }

  #takeBackCarried({ arrival }: Transfer): void {
    if (arrival?.kind === 'arrived') for (const { lsn } of arrival.carried) this.#ledger.empty(lsn);
  }

  #keepNames(names: Buffer): void {
    this.#idempotency.keep(names, { lsn: this.#figures.lsn, atMs: 0 });
  }

  #applyEach(changes: readonly RowDelta[]): void {
    for (const change of changes) {
      this.watch.beforeWrite(change.slot, change.key);
      this.#writer.apply(change);
    }
  }
}

/** By this ring, 1 for slots that have come, -1 for slots that have left, 0 for those that stayed where they were. */
function signOfMoved({ direction, slots }: Transfer, ring: Ring, shard: number): 1 | -1 | 0 {
  const isOurs = ring.shardOf(slots[0] as number) === shard;
  if (direction === 'importing') return isOurs ? 1 : 0;
  if (direction === 'migrating') return isOurs ? 0 : -1;
  return 0;
}
