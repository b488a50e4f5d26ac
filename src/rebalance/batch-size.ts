/** How many slots move at once. Pure. */

/**
 * What clients write to a batch while it is copied is compared row by row while its slots are frozen, so its size
 * decides how long they wait: it grows and shrinks towards the wanted freeze.
 */
/** Fewer are compared in the time that messages and commits take anyway. */
const rowsMin = 2_000;
const rowsMax = 16_000;
const firstRows = 4_000;
const bytesMax = 4 * 1024 * 1024;
const wantedFreezeMs = { least: 6, most: 15 } as const;
/** Without clients: about what is copied in a second, should some come meanwhile. */
const idle = { rows: 200_000, bytes: 64 * 1024 * 1024 } as const;

export type Giver = {
  /** Nobody asks for anything. */
  readonly isIdle: boolean;
  readonly slots: number;
  readonly keys: number;
  readonly bytes: number;
};

export class BatchSize {
  #rows = firstRows;

  /** A batch was frozen for so long. */
  froze(durationMs: number): void {
    const factor = durationMs > wantedFreezeMs.most ? 0.7 : durationMs < wantedFreezeMs.least ? 1.3 : 1;
    this.#rows = Math.min(rowsMax, Math.max(rowsMin, this.#rows * factor));
  }

  /** At the rows that the giving shard has per slot; at least one. */
  slotsOf({ isIdle, slots, keys, bytes }: Giver): number {
    const limits = isIdle ? idle : { rows: this.#rows, bytes: bytesMax };
    const fitting = Math.min((limits.rows * slots) / Math.max(keys, 1), (limits.bytes * slots) / Math.max(bytes, 1));
    return Math.max(1, Math.floor(fitting));
  }
}
