/**
 * A shard's file: what of it survives a crash, which is all that a method has done when it returns. It mirrors
 * `sqlite/shard-file.ts` and `sqlite/slot-transfer.ts` without SQL; the ledger's bytes and the sums of rows are the
 * product's own. A process may die right before and right after each transaction, never within; where there is no
 * room, nothing of it happens.
 */

import { holds } from '../../src/kv/condition.ts';
import type { Resend } from '../../src/kv/op-id.ts';
import { isWrite, type KeyOperation, type WriteOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import {
  findRecord,
  packRecords,
  recordWindowLsn,
  selectRecords,
  type WriteRecord,
} from '../../src/kv/write-record.ts';
import type { LedgerPart, Move, MoveId } from '../../src/rebalance/move.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import {
  type Cursor,
  isRow,
  type Row,
  type RowDelta,
  RowSum,
  type SlotSum,
  unpackDelta,
} from '../../src/rebalance/row.ts';
import type { Page, SealedPart, SlotStorage } from '../../src/rebalance/slot-storage.ts';
import { SlotSums } from '../../src/rebalance/slot-sums.ts';
import type { SimulatedRing } from './simulated-ring.ts';

export type Request = { readonly operation: KeyOperation; readonly epoch: number; readonly resend: Resend };

export type FileLimits = {
  readonly pageRows: number;
  readonly purgeRows: number;
  /** Old rows leave beyond this many. */
  readonly ledgerRowsMax: number;
};

export type FileWatcher = {
  /** Before and after each transaction: the process may die here. */
  readonly onCrashPoint: () => void;
  /** Whether the disk takes another transaction. */
  readonly hasRoom: () => boolean;
  /** Both ends compared what they have: it is not the same. */
  readonly onSumsDiffer: (move: Move) => void;
  readonly onApplied: (write: { readonly operation: WriteOperation; readonly opId: string; version: number }) => void;
};

type Transfer = {
  readonly direction: 'importing' | 'migrating' | 'orphaned';
  readonly slots: readonly number[];
  readonly keys: number;
  readonly bytes: number;
};

type LedgerRow = { readonly lsn: number; readonly results: Buffer };

/** There is no room; nothing of the transaction has happened. */
export class DiskFull extends Error {
  override readonly name = 'DiskFull';
}

/** More than any simulated ring has. */
const slotsMax = 16;
const noResults = Buffer.alloc(0);
const diskFull: Outcome = { kind: 'failed', code: 'disk-full', detail: 'there is no room' };

export class SimulatedFile implements SlotStorage {
  readonly shard: number;
  readonly #limits: FileLimits;
  readonly #watcher: FileWatcher;
  /** By slot, then by the key's bytes as latin1. */
  readonly #rows = new Map<number, Map<string, Row>>();
  readonly #transfers = new Map<MoveId, Transfer>();
  /** In the memory of the process that has the file open. */
  #sums = new SlotSums();
  #ledger: LedgerRow[] = [];
  #lsn = 0;
  #forgottenLsn = 0;
  #keys = 0;
  #bytes = 0;

  constructor(shard: number, limits: FileLimits, watcher: FileWatcher) {
    this.shard = shard;
    this.#limits = limits;
    this.#watcher = watcher;
  }

  /** By a process that was just born. */
  open(): void {
    this.#sums = new SlotSums();
  }

  get lsn(): number {
    return this.#lsn;
  }

  get forgottenLsn(): number {
    return Math.max(this.#forgottenLsn, this.#lsn - recordWindowLsn);
  }

  get counters(): { readonly keys: number; readonly bytes: number } {
    return { keys: this.#keys, bytes: this.#bytes };
  }

  get hasTransfers(): boolean {
    return this.#transfers.size > 0;
  }

  /** Whatever lies in this slot, visible or not. */
  rowsOf(slot: number): ReadonlyMap<string, Row> {
    return this.#slot(slot);
  }

  execute(requests: readonly Request[]): readonly Outcome[] {
    if (!requests.some(({ operation }) => isWrite(operation))) {
      return requests.map(({ operation }) => this.#read(operation));
    }
    try {
      return this.#transaction(() => {
        const results: WriteRecord[] = [];
        const outcomes = requests.map((request) => this.#answer(request, results));
        if (results.length > 0) this.#record(packRecords(results));
        return outcomes;
      });
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      return requests.map((request) => this.#answerWithoutRoom(request));
    }
  }

  openIncoming(move: Move): void {
    this.#transaction(() => {
      for (const [id, transfer] of [...this.#transfers]) {
        if (transfer.direction === 'migrating') continue;
        const slots = transfer.slots.filter((slot) => !move.slots.includes(slot));
        if (slots.length === 0) this.#transfers.delete(id);
        else this.#transfers.set(id, { ...transfer, slots });
      }
      this.#transfers.set(move.id, { direction: 'importing', slots: move.slots, keys: 0, bytes: 0 });
    });
    for (const slot of move.slots) this.#sums.touch(slot);
  }

  wipe(slots: readonly number[]): boolean {
    return this.#transaction(() => {
      const left = this.#deleteRows(slots);
      if (left > 0) for (const slot of slots) this.#sums.expectNone(slot);
      return left > 0;
    });
  }

  store(rows: PackedRows): void {
    if (rows.count === 0) return;
    this.#transaction(() => {
      for (const packed of rows) {
        const row = unpackDelta(packed) as Row;
        this.#slot(row.slot).set(row.key.toString('latin1'), row);
      }
    });
    this.#sums.add(rows);
  }

  apply(changes: readonly RowDelta[]): void {
    if (changes.length === 0) return;
    this.#transaction(() => this.#applyEach(changes));
  }

  seal(move: Move, { changes, results, sourceLsn, forgottenLsn, expected }: SealedPart): boolean {
    return this.#transaction(() => {
      const before = move.slots.map((slot) => new Map(this.#slot(slot)));
      this.#applyEach(changes);
      const sum = this.#sumOf(move.slots);
      if (!sum.equals(expected)) {
        this.#watcher.onSumsDiffer(move);
        for (const [index, slot] of move.slots.entries()) this.#rows.set(slot, before[index] as Map<string, Row>);
        for (const slot of move.slots) this.#sums.touch(slot);
        return false;
      }
      this.#transfers.set(move.id, { direction: 'importing', slots: move.slots, keys: sum.keys, bytes: sum.bytes });
      this.#forgottenLsn = Math.max(this.#forgottenLsn, forgottenLsn);
      this.#lift(sourceLsn, Buffer.concat(results));
      return true;
    });
  }

  page(slots: readonly number[], after: Cursor | undefined): Page {
    const rows: Row[] = [];
    for (const slot of slots) {
      if (after !== undefined && slot < after.slot) continue;
      const from = slot === after?.slot ? after.key : undefined;
      const sum = this.#sums.begin(slot, from);
      for (const name of [...this.#slot(slot).keys()].sort()) {
        if (from !== undefined && name <= from.toString('latin1')) continue;
        const row = this.#slot(slot).get(name) as Row;
        rows.push(row);
        sum?.add(row);
        if (rows.length < this.#limits.pageRows) continue;
        this.#sums.pause(slot, row.key, sum);
        return { rows: PackedRows.of(rows), next: { slot, key: row.key } };
      }
      if (sum !== undefined) this.#sums.set(slot, sum);
    }
    return { rows: PackedRows.of(rows), next: undefined };
  }

  sumSome(slots: readonly number[]): number {
    const unknown = slots.filter((slot) => this.#sums.of(slot) === undefined);
    for (let left = this.#limits.pageRows; left > 0 && unknown.length > 0; )
      left -= 1 + this.#findSum(unknown.pop() as number).keys;
    return unknown.length;
  }

  deltaOf(slot: number, key: Buffer): RowDelta {
    return this.#slot(slot).get(key.toString('latin1')) ?? { slot, key };
  }

  ledgerSince(slots: readonly number[], lsn: number, commitsMax: number): LedgerPart {
    const wanted = { slots: new Uint8Array(slotsMax), aboveLsn: this.#lsn - recordWindowLsn };
    for (const slot of slots) wanted.slots[slot] = 1;
    const found = new Map<string, Buffer>();
    const later = this.#ledger.filter((row) => row.lsn > Math.max(lsn, wanted.aboveLsn));
    // In parts as small as its pages, unless all is wanted.
    const some = Number.isFinite(commitsMax) ? later.slice(0, 2 * this.#limits.pageRows) : later;
    for (const row of some) selectRecords(row.results, wanted, found);
    const isWhole = some.length === later.length;
    const upToLsn = isWhole ? this.#lsn : (some.at(-1) as LedgerRow).lsn;
    return { results: Buffer.concat([...found.values()]), upToLsn, isWhole };
  }

  openOutgoing(move: Move): SlotSum {
    const { keys, bytes, digest } = this.#sumOf(move.slots);
    this.#transaction(() => this.#transfers.set(move.id, { direction: 'migrating', slots: move.slots, keys, bytes }));
    return { keys, bytes, digest };
  }

  forget(move: MoveId): void {
    this.#transaction(() => {
      const transfer = this.#transfers.get(move);
      if (transfer?.direction === 'migrating') this.#transfers.delete(move);
      if (transfer?.direction === 'importing') this.#transfers.set(move, { ...transfer, direction: 'orphaned' });
    });
  }

  settle(ring: SimulatedRing, isOpen: (move: MoveId) => boolean): MoveId[] {
    return this.#transaction(() => {
      const settled: MoveId[] = [];
      for (const [id, transfer] of [...this.#transfers]) {
        const { direction, slots, keys, bytes } = transfer;
        if (direction === 'orphaned') continue;
        const isOurs = ring.owners[slots[0] as number] === this.shard;
        const hasMoved = isOurs === (direction === 'importing');
        if (!hasMoved && isOpen(id)) continue;
        if (hasMoved) {
          settled.push(id);
          const sign = direction === 'importing' ? 1 : -1;
          this.#keys += sign * keys;
          this.#bytes += sign * bytes;
          this.#lift(0, noResults);
        }
        if (isOurs) this.#transfers.delete(id);
        else this.#transfers.set(id, { ...transfer, direction: 'orphaned' });
      }
      return settled;
    });
  }

  /** False when there is no garbage. */
  purgeStep(): boolean {
    const garbage = [...this.#transfers]
      .sort(([a], [b]) => a - b)
      .find(([, { direction }]) => direction === 'orphaned');
    if (garbage === undefined) return false;
    const [id, { slots }] = garbage;
    this.#transaction(() => {
      for (const slot of slots) this.#sums.touch(slot);
      if (this.#deleteRows(slots) > 0) this.#transfers.delete(id);
    });
    return true;
  }

  /** As many as one step deletes; returns how many more it could have. */
  #deleteRows(slots: readonly number[]): number {
    let left = this.#limits.purgeRows;
    for (const slot of slots) {
      for (const name of [...this.#slot(slot).keys()].slice(0, left)) {
        this.#slot(slot).delete(name);
        left--;
      }
    }
    return left;
  }

  #transaction<T>(work: () => T): T {
    this.#watcher.onCrashPoint();
    if (!this.#watcher.hasRoom()) throw new DiskFull('there is no room');
    const result = work();
    this.#watcher.onCrashPoint();
    return result;
  }

  #slot(slot: number): Map<string, Row> {
    const known = this.#rows.get(slot);
    if (known !== undefined) return known;
    const rows = new Map<string, Row>();
    this.#rows.set(slot, rows);
    return rows;
  }

  #applyEach(changes: readonly RowDelta[]): void {
    for (const change of changes) {
      this.#sums.touch(change.slot);
      const name = change.key.toString('latin1');
      if (isRow(change)) this.#slot(change.slot).set(name, change);
      else this.#slot(change.slot).delete(name);
    }
  }

  #sumOf(slots: readonly number[]): RowSum {
    const sum = new RowSum();
    for (const slot of slots) sum.addSum(this.#sums.of(slot) ?? this.#findSum(slot));
    return sum;
  }

  #findSum(slot: number): RowSum {
    const expected = this.#sums.expectedOf(slot);
    const sum = expected?.keys === this.#slot(slot).size ? expected : new RowSum();
    if (sum !== expected) for (const row of this.#slot(slot).values()) sum.add(row);
    this.#sums.set(slot, sum);
    return sum;
  }

  #read({ slot, key }: KeyOperation): Outcome {
    const row = this.#slot(slot).get(key.toString('latin1'));
    if (row === undefined) return { kind: 'absent' };
    return { kind: 'value', version: row.version, contentType: row.contentType, value: row.value };
  }

  #answer({ operation, resend }: Request, results: WriteRecord[]): Outcome {
    if (!isWrite(operation)) return this.#read(operation);
    if (resend.resent) {
      const earlier = this.#earlierAnswer(resend);
      if (earlier !== undefined) return earlier;
    }
    const { slot, key } = operation;
    this.#sums.touch(slot);
    const name = key.toString('latin1');
    const old = this.#slot(slot).get(name);
    const { condition } = operation;
    if (condition !== undefined && !holds(condition, old?.version))
      return { kind: 'precondition-failed', version: old?.version ?? 0 };
    const version = Math.max(this.#lsn, resend.seenLsn) + 1;
    this.#lsn = version;
    this.#keys -= old === undefined ? 0 : 1;
    this.#bytes -= old === undefined ? 0 : key.length + old.value.length;
    if (operation.kind !== 'put') {
      this.#slot(slot).delete(name);
    } else {
      const { contentType, value } = operation;
      this.#slot(slot).set(name, { slot, key, version, contentType, value });
      this.#keys++;
      this.#bytes += key.length + value.length;
    }
    const kind = operation.kind !== 'put' ? 'deleted' : old === undefined ? 'created' : 'replaced';
    const outcome = { kind, version } as const;
    results.push({ opId: resend.opId, slot, shard: this.shard, key, outcome });
    this.#watcher.onApplied({ operation, opId: resend.opId.toString('hex'), version });
    return outcome;
  }

  /** Of a batch that was rolled back. What is sent again may have been applied long before. */
  #answerWithoutRoom({ operation, resend }: Request): Outcome {
    if (!isWrite(operation)) return this.#read(operation);
    return (resend.resent ? this.#earlierAnswer(resend) : undefined) ?? diskFull;
  }

  /** The answer this write was given before; undefined when it was never applied. */
  #earlierAnswer({ opId, seenLsn }: Resend): Outcome | undefined {
    for (const { lsn, results } of this.#ledger) {
      if (lsn <= seenLsn) continue;
      const record = findRecord(results, opId);
      if (record !== undefined && record.outcome.kind !== 'expired') return record.outcome;
    }
    if (seenLsn >= this.#forgottenLsn) return undefined;
    return { kind: 'failed', code: 'outcome-unknown', detail: 'sent again too late' };
  }

  #lift(lsnAtLeast: number, results: Buffer): void {
    this.#lsn = Math.max(this.#lsn, lsnAtLeast) + 1;
    this.#record(results);
  }

  #record(results: Buffer): void {
    this.#ledger.push({ lsn: this.#lsn, results });
    // In runs of two, so that what is kept is at least the maximum.
    if (this.#ledger.length < this.#limits.ledgerRowsMax + 2) return;
    this.#forgottenLsn = Math.max(this.#forgottenLsn, this.#ledger[1]?.lsn ?? 0);
    this.#ledger = this.#ledger.slice(2);
  }
}
