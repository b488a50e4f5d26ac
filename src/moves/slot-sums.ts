/**
 * What the slots of a move come to, gathered while their rows are read or stored anyway, so that nobody has to wait
 * for a frozen slot to be read again. A sum is known only as long as nothing else was written to its slot: whoever
 * stores rows says `touch` for every write, before anybody can ask for the sum. Pure.
 */

import type { Key } from '../kv/key.ts';
import { type Row, RowSum } from './row.ts';

export class SlotSums {
  readonly #known = new Map<number, RowSum>();
  /** A slot whose rows were read up to this key, by pages. */
  #begun: { readonly slot: number; readonly upTo: Key; readonly sum: RowSum } | undefined;

  /** Undefined when the rows must be read to know. */
  of(slot: number): RowSum | undefined {
    return this.#known.get(slot);
  }

  set(slot: number, sum: RowSum): void {
    this.#known.set(slot, sum);
  }

  /** Something else was written to this slot. */
  touch(slot: number): void {
    this.#known.delete(slot);
    if (this.#begun?.slot === slot) this.#begun = undefined;
  }

  /** These rows have come to slots whose sums were known without them. */
  add(rows: readonly Row[]): void {
    for (const row of rows) this.#known.get(row.slot)?.add(row);
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
