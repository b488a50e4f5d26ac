/**
 * What has expired and still lies in the file, in the order of its expiry. From when the sweeper leaves some until none
 * is left, each commit deletes as many of these rows as it adds others, so no commit of clients adds to the rows then.
 * The file has at most as many rows as were alive at one time, and what expires between two looks of the sweeper. If
 * clients write faster than it deletes, their commits get slower, and the file no larger.
 */

import type { EntryTable, ExpiredEntry, OldEntry } from './entry-table.ts';

/** The row after which a sweep goes on. */
export type SweepPosition = Pick<OldEntry, 'expiresAtMs' | 'id'>;

const begin: SweepPosition = { expiresAtMs: 0, id: 0 };

export class ExpiredRows {
  readonly #entries: EntryTable;
  #isOurs: (slot: number) => boolean = () => false;
  #position: SweepPosition | undefined;

  constructor(entries: EntryTable) {
    this.#entries = entries;
  }

  /** Undefined while none is known to be left. */
  get position(): SweepPosition | undefined {
    return this.#position;
  }

  /** When a transaction is rolled back. */
  restore(position: SweepPosition | undefined): void {
    this.#position = position;
  }

  /**
   * Whether any is left.
   * @param isOurs whether this process may delete the rows of a slot, at any time from now on
   */
  look(nowMs: number, isOurs: (slot: number) => boolean): boolean {
    this.#isOurs = isOurs;
    const from = this.#position ?? begin;
    this.#position = this.#entries.expired(from, nowMs, 1).length === 0 ? undefined : from;
    return this.#position !== undefined;
  }

  /** The next of these, to be deleted now. Rows that are not ours are passed over, until the next time round. */
  take(nowMs: number, rowsMax: number): ExpiredEntry[] {
    if (this.#position === undefined) return [];
    const expired = this.#entries.expired(this.#position, nowMs, rowsMax);
    this.#position = expired.length === rowsMax ? expired.at(-1) : undefined;
    return expired.filter(({ slot }) => this.#isOurs(slot));
  }

  /** How long the oldest has waited, looked through or not. */
  waitedMs(nowMs: number): number {
    const [oldest] = this.#entries.expired(begin, nowMs, 1);
    return oldest === undefined ? 0 : nowMs - oldest.expiresAtMs;
  }
}
