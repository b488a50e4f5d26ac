/**
 * The sums of the slots of a move, gathered while their rows are read or stored anyway: no client waits until a frozen
 * slot is read again. A sum is known only while nothing else is written to its slot, so every write calls `touch`
 * before a sum is asked for. A sum gathered while rows were stored is only expected, until a count has shown that as
 * many rows are there. Pure.
 */

import type { Key } from '../kv/key.ts';
import type { PackedRows } from './packed-rows.ts';
import { RowSum, slotOfPacked } from './row.ts';

export class SlotSums {
  readonly #known = new Map<number, RowSum>();
  readonly #expected = new Map<number, RowSum>();
  /** A slot whose rows were read up to this key, by pages. */
  #begun: { readonly slot: number; readonly upTo: Key; readonly sum: RowSum } | undefined;

  /** The known sum; undefined when the rows must be read or counted first. */
  of(slot: number): RowSum | undefined {
    return this.#known.get(slot);
  }

  /** Makes a sum known: it was read, or expected and confirmed by a count. */
  set(slot: number, sum: RowSum): void {
    this.#known.set(slot, sum);
    this.#expected.delete(slot);
  }

  /** The sum of the slot if every stored row is there. */
  expectedOf(slot: number): RowSum | undefined {
    return this.#expected.get(slot);
  }

  /** The slot is empty; from now on it has only the rows that `add` is told of. */
  expectNone(slot: number): void {
    this.touch(slot);
    this.#expected.set(slot, new RowSum());
  }

  /** Something was written to this slot outside of `add`. */
  touch(slot: number): void {
    this.#known.delete(slot);
    this.#expected.delete(slot);
    if (this.#begun?.slot === slot) this.#begun = undefined;
  }

  /** These rows were stored. Slots without an expected sum count as touched. */
  add(rows: PackedRows): void {
    for (const row of rows) {
      const slot = slotOfPacked(row);
      this.#known.delete(slot);
      this.#expected.get(slot)?.addPacked(row);
    }
  }

  /**
   * The sum to which the rows after this key are to be added, in order; all rows when the key is undefined. Undefined
   * when the rows before the key were not summed, or something was written to the slot since.
   */
  begin(slot: number, after: Key | undefined): RowSum | undefined {
    if (after === undefined) return new RowSum();
    return this.#begun?.slot === slot && this.#begun.upTo.equals(after) ? this.#begun.sum : undefined;
  }

  /** More rows of the slot follow with the next page. */
  pause(slot: number, upTo: Key, sum: RowSum | undefined): void {
    this.#known.delete(slot);
    this.#begun = sum && { slot, upTo, sum };
  }
}
