/**
 * How many slots move at once. Rows that clients write while their batch is copied are compared while its slots are
 * frozen. So the size of a batch decides how long clients wait: it grows and shrinks towards the wanted freeze. Pure.
 */
const firstRows = 4_000;
const wantedFreezeMs = { least: 6, most: 15 } as const;

export type BatchLimits = {
  readonly rowsMin: number;
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** Without clients. */
  readonly idle: { readonly rows: number; readonly bytes: number };
};

const defaultLimits: BatchLimits = {
  // Fewer are compared in the time that messages and commits take anyway.
  rowsMin: 2_000,
  rowsMax: 16_000,
  bytesMax: 4 * 1024 * 1024,
  // About what is copied in a second, should clients come meanwhile.
  idle: { rows: 200_000, bytes: 64 * 1024 * 1024 },
};

export type Giver = {
  /** No client sends requests. */
  readonly isIdle: boolean;
  readonly slots: number;
  readonly keys: number;
  readonly bytes: number;
};

export class BatchSize {
  readonly #limits: BatchLimits;
  #rows = firstRows;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /** A batch was frozen for so long. */
  froze(durationMs: number): void {
    const factor = durationMs > wantedFreezeMs.most ? 0.7 : durationMs < wantedFreezeMs.least ? 1.3 : 1;
    const { rowsMin, rowsMax } = this.#limits;
    this.#rows = Math.min(rowsMax, Math.max(rowsMin, this.#rows * factor));
  }

  /** Slots of the next batch, from the rows that the source has per slot; at least one. */
  slotsOf({ isIdle, slots, keys, bytes }: Giver): number {
    const limits = isIdle ? this.#limits.idle : { rows: this.#rows, bytes: this.#limits.bytesMax };
    const fitting = Math.min((limits.rows * slots) / Math.max(keys, 1), (limits.bytes * slots) / Math.max(bytes, 1));
    return Math.max(1, Math.floor(fitting));
  }
}
