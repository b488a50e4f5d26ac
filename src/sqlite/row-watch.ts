/**
 * Keeps the sums of moving slots true while rows are written: of each key that is written within a transaction it notes
 * what the key's row came to before, and tells the sums what it comes to now, once that is there to stay. While nothing
 * moves it does nothing.
 */

import type { Key } from '../kv/key.ts';
import { isRow, RowSum, type SlotSum } from '../rebalance/row.ts';
import type { SlotSums } from '../rebalance/slot-sums.ts';
import type { SlotReader } from './slot-reader.ts';

type Written = { readonly slot: number; readonly key: Key; readonly before: SlotSum };

export class RowWatch {
  readonly #sums: SlotSums;
  readonly #reader: SlotReader;
  readonly #written = new Map<string, Written>();

  constructor(sums: SlotSums, reader: SlotReader) {
    this.#sums = sums;
    this.#reader = reader;
  }

  /** Comes before every write to a row that counts. */
  beforeWrite(slot: number, key: Key): void {
    if (!this.#sums.watches(slot)) return;
    const name = `${slot} ${key.toString('latin1')}`;
    if (this.#written.has(name)) return;
    // A copy: the key is a view of what came off the wire.
    this.#written.set(name, { slot, key: Buffer.from(key), before: this.#sumOf(slot, key) });
  }

  /** What was written since is in the file. */
  written(): void {
    if (this.#written.size === 0) return;
    for (const { slot, key, before } of this.#written.values()) {
      this.#sums.replace({ slot, key }, before, this.#sumOf(slot, key));
    }
    this.#written.clear();
  }

  /** What was written since was taken back. */
  undone(): void {
    this.#written.clear();
  }

  #sumOf(slot: number, key: Key): SlotSum {
    const sum = new RowSum();
    const row = this.#reader.deltaOf(slot, key);
    if (isRow(row)) sum.add(row);
    return sum;
  }
}
