/** The figures of a topology change under way: how far it is, how fast it goes, and what clients feel of it. */

import type { PlannedMove } from '../partition/plan.ts';
import type { Supervisor } from './supervisor.ts';
import type { Throttle } from './throttle.ts';

export type ProgressView = {
  readonly slotsTotal: number;
  readonly slotsMoved: number;
  readonly rowsCopied: number;
  readonly bytesCopied: number;
  readonly rowsPerS: number;
  /** Null before the first batch is through. */
  readonly leftMs: number | null;
  readonly elapsedMs: number;
  readonly freezeMedianMs: number | null;
  readonly freezeMaxMs: number | null;
  readonly p99BeforeMs: number | null;
  readonly p99Ms: number | null;
};

export class MoveProgress {
  readonly #slotsTotal: number;
  readonly #p99BeforeMs: number | null;
  readonly #beganAtMs = performance.now();
  readonly #freezesMs: number[] = [];
  #slotsMoved = 0;
  #rows = 0;
  #bytes = 0;

  constructor(plan: readonly PlannedMove[], supervisor: Supervisor) {
    this.#slotsTotal = plan.reduce((sum, { slots }) => sum + slots.length, 0);
    const p99s = supervisor.frontends.map(({ health }) => health?.p99Ms ?? null).filter((p99) => p99 !== null);
    this.#p99BeforeMs = p99s.length === 0 ? null : Math.max(...p99s);
  }

  get slotsMoved(): number {
    return this.#slotsMoved;
  }

  copied(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
  }

  moved(slots: number): void {
    this.#slotsMoved += slots;
  }

  froze(durationMs: number | undefined): void {
    if (durationMs !== undefined) this.#freezesMs.push(durationMs);
  }

  describe(throttle: Throttle): ProgressView {
    const elapsedMs = performance.now() - this.#beganAtMs;
    const sorted = [...this.#freezesMs].sort((a, b) => a - b);
    const left = this.#slotsTotal - this.#slotsMoved;
    return {
      slotsTotal: this.#slotsTotal,
      slotsMoved: this.#slotsMoved,
      rowsCopied: this.#rows,
      bytesCopied: this.#bytes,
      rowsPerS: (this.#rows * 1_000) / elapsedMs,
      leftMs: this.#slotsMoved === 0 ? null : (elapsedMs * left) / this.#slotsMoved,
      elapsedMs,
      freezeMedianMs: sorted[Math.floor(sorted.length / 2)] ?? null,
      freezeMaxMs: sorted.at(-1) ?? null,
      p99BeforeMs: this.#p99BeforeMs,
      p99Ms: throttle.p99Ms,
    };
  }
}

/** How long slots were frozen: from the question to the announcement, or to the end of an abort. */
export class FreezeClock {
  #beganAtMs: number | undefined;

  begin(): void {
    this.#beganAtMs ??= performance.now();
  }

  /** Undefined when nothing was frozen. */
  end(): number | undefined {
    const began = this.#beganAtMs;
    this.#beganAtMs = undefined;
    return began === undefined ? undefined : performance.now() - began;
  }
}
