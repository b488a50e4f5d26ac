/**
 * What the slots of a move come to, gathered while their rows are read or stored anyway, so that nobody has to wait
 * for a frozen slot to be read again. A sum is known only as long as nothing else was written to its slot: whoever
 * stores rows says `touch` for every write, before anybody can ask for the sum. What was summed while it was stored
 * is only expected, until somebody has seen that as many rows lie there. Pure.
 */

import type { Key } from '../kv/key.ts';
import type { PackedRows } from './packed-rows.ts';
import { RowSum, slotOfPacked } from './row.ts';

export class SlotSums {
  readonly #known = new Map<number, RowSum>();
  readonly #expected = new Map<number, RowSum>();
  /** A slot whose rows were read up to this key, by pages. */
  #begun: { readonly slot: number; readonly upTo: Key; readonly sum: RowSum } | undefined;

  /** Undefined when the rows must be read or counted to know. */
  of(slot: number): RowSum | undefined {
    return this.#known.get(slot);
  }

  /** Found by reading, or expected and found to be as many. */
  set(slot: number, sum: RowSum): void {
    this.#known.set(slot, sum);
    this.#expected.delete(slot);
  }

  /** What the slot comes to if every row that was stored is there. */
  expectedOf(slot: number): RowSum | undefined {
    return this.#expected.get(slot);
  }

  /** Nothing lies in this slot, and only what `add` says will. */
  expectNone(slot: number): void {
    this.touch(slot);
    this.#expected.set(slot, new RowSum());
  }

  /** Something else was written to this slot. */
  touch(slot: number): void {
    this.#known.delete(slot);
    this.#expected.delete(slot);
    if (this.#begun?.slot === slot) this.#begun = undefined;
  }

  /** These rows have come, to slots of which nothing else was expected or which count as touched. */
  add(rows: PackedRows): void {
    for (const row of rows) {
      const slot = slotOfPacked(row);
      this.#known.delete(slot);
      this.#expected.get(slot)?.addPacked(row);
    }
  }

  /**
   * To add the rows after this key to, in their order; all rows when it is undefined. Undefined when those before it
   * were not added, or something was written to them since.
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
