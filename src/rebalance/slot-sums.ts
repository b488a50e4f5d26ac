/**
 * The sums of the slots of a move, gathered while their rows are read or stored anyway: no client waits until a frozen
 * slot is read again. A sum stays true while clients write: of each key that is written it is told what the key's row
 * added before and adds now. So a slot that is never left alone is summed as soon as one that is. A sum gathered while
 * rows were stored is only expected, until a count has shown that as many rows are there. Pure.
 */

import type { Key } from '../kv/key.ts';
import type { PackedRows } from './packed-rows.ts';
import { RowSum, type SlotSum, slotOfPacked } from './row.ts';

/** The rows of a slot that were read, or counted, so far: those up to this key. */
type Walk = { readonly upTo: Key; readonly sum: RowSum };

export class SlotSums {
  readonly #known = new Map<number, RowSum>();
  readonly #expected = new Map<number, RowSum>();
  readonly #walks = new Map<number, Walk>();

  /** The known sum; undefined when the rows must be read or counted first. */
  of(slot: number): RowSum | undefined {
    return this.#known.get(slot);
  }

  /** Makes a sum known: it was read, or expected and confirmed by a count. */
  set(slot: number, sum: RowSum): void {
    this.forget(slot);
    this.#known.set(slot, sum);
  }

  /** The sum of the slot if every stored row is there. */
  expectedOf(slot: number): RowSum | undefined {
    return this.#expected.get(slot);
  }

  /** The slot is empty; from now on it has the rows that `add` and `replace` are told of. */
  expectNone(slot: number): void {
    this.forget(slot);
    this.#expected.set(slot, new RowSum());
  }

  /** What the slot comes to is of no more interest, or nothing is known of it any more. */
  forget(slot: number): void {
    this.#known.delete(slot);
    this.#expected.delete(slot);
    this.#walks.delete(slot);
  }

  /** Whether `replace` must be told of each key of this slot that is written. */
  watches(slot: number): boolean {
    return this.#known.has(slot) || this.#expected.has(slot) || this.#walks.has(slot);
  }

  /** A key was written: its row added `before` to the sum of its slot, and adds `now`. Both are 0 where there is none. */
  replace({ slot, key }: { readonly slot: number; readonly key: Key }, before: SlotSum, now: SlotSum): void {
    const walk = this.#walks.get(slot);
    const isPassed = walk !== undefined && Buffer.compare(key, walk.upTo) <= 0;
    for (const sum of [this.#known.get(slot), this.#expected.get(slot), isPassed ? walk.sum : undefined]) {
      sum?.subtractSum(before);
      sum?.addSum(now);
    }
  }

  /** These rows were stored. Nothing more is known of slots without an expected sum. */
  add(rows: PackedRows): void {
    for (const row of rows) {
      const slot = slotOfPacked(row);
      this.#known.delete(slot);
      this.#walks.delete(slot);
      this.#expected.get(slot)?.addPacked(row);
    }
  }

  /** How far the rows of the slot have been walked; undefined when they are to be walked from the first one on. */
  walkOf(slot: number): Walk | undefined {
    return this.#walks.get(slot);
  }

  /**
   * The sum to which the rows after this key are to be added, in order; all rows when the key is undefined. Undefined
   * when the rows before the key were not summed.
   */
  begin(slot: number, after: Key | undefined): RowSum | undefined {
    if (after === undefined) return new RowSum();
    const walk = this.#walks.get(slot);
    return walk?.upTo.equals(after) ? walk.sum : undefined;
  }

  /** More rows of the slot follow with the next step. */
  pause(slot: number, upTo: Key, sum: RowSum | undefined): void {
    this.#known.delete(slot);
    if (sum === undefined) this.#walks.delete(slot);
    else this.#walks.set(slot, { upTo, sum });
  }
}
