/**
 * How many slots move at once. Rows that clients write while their batch is copied are compared while its slots are
 * frozen. So the size of a batch decides how long clients wait: it grows and shrinks towards the wanted freeze. Pure.
 */

/** Fewer rows are compared in the time that messages and commits take anyway. */
const rowsMin = 2_000;
const rowsMax = 16_000;
const firstRows = 4_000;
const bytesMax = 4 * 1024 * 1024;
const wantedFreezeMs = { least: 6, most: 15 } as const;
/** Without clients: about one second of copying, in case clients come meanwhile. */
const idle = { rows: 200_000, bytes: 64 * 1024 * 1024 } as const;

export type Giver = {
  /** No client sends requests. */
  readonly isIdle: boolean;
  readonly slots: number;
  readonly keys: number;
  readonly bytes: number;
};

export class BatchSize {
  #rows = firstRows;

  /** Learns how long the last batch was frozen. */
  froze(durationMs: number): void {
    const factor = durationMs > wantedFreezeMs.most ? 0.7 : durationMs < wantedFreezeMs.least ? 1.3 : 1;
    this.#rows = Math.min(rowsMax, Math.max(rowsMin, this.#rows * factor));
  }

  /** Slots of the next batch, from the rows that the source has per slot; at least one. */
  slotsOf({ isIdle, slots, keys, bytes }: Giver): number {
    const limits = isIdle ? idle : { rows: this.#rows, bytes: bytesMax };
    const fitting = Math.min((limits.rows * slots) / Math.max(keys, 1), (limits.bytes * slots) / Math.max(bytes, 1));
    return Math.max(1, Math.floor(fitting));
  }
}
