/** The figures of a topology change under way: how far it is, how fast it goes, and what clients feel of it. */

import type { PlannedMove } from '../partition/plan.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClientFigures } from './client-figures.ts';
import type { ChangeFigures } from './topology-change.ts';

export type ProgressView = {
  readonly slotsTotal: number;
  readonly slotsMoved: number;
  readonly rowsCopied: number;
  readonly bytesCopied: number;
  /** While rows may move; null while the change rests. */
  readonly rowsPerS: number | null;
  /** Null before the first batch is through, and while the change rests. */
  readonly leftMs: number | null;
  readonly elapsedMs: number;
  readonly freezeMedianMs: number | null;
  readonly freezeMaxMs: number | null;
  /** Over ten seconds, before the change and now. */
  readonly p99BeforeMs: number | null;
  readonly p99Ms: number | null;
  readonly failuresBefore: number;
  readonly failuresLately: number;
  /** Since the change began. */
  readonly failures: number;
};

type WhatClientsFeel = Pick<ClientFigures, 'p99Ms' | 'failures' | 'failuresLately'>;

const none: ChangeFigures = { slots: 0, rows: 0, bytes: 0, freezeMaxMs: 0, failures: 0 };

export class MoveProgress {
  readonly #clients: WhatClientsFeel;
  readonly #slotsTotal: number;
  readonly #before: { readonly p99Ms: number | null; readonly failures: number; readonly failuresLately: number };
  readonly #clock: Clock;
  readonly #beganAtMs: number;
  readonly #freezesMs: number[] = [];
  /** Rows and bytes of the move under way. */
  #copied = { rows: 0, bytes: 0 };
  #restsSinceMs: number | undefined;
  /** Of rests that are over. */
  #restedMs = 0;
  #unrecorded = none;
  #failuresRecorded = 0;
  #slotsMoved = 0;
  #rows = 0;
  #bytes = 0;

  constructor(plan: readonly PlannedMove[], clients: WhatClientsFeel, clock: Clock) {
    this.#clock = clock;
    this.#beganAtMs = clock.nowMs();
    this.#clients = clients;
    this.#slotsTotal = plan.reduce((sum, { slots }) => sum + slots.length, 0);
    const { p99Ms, failures, failuresLately } = clients;
    this.#before = { p99Ms, failures, failuresLately };
  }

  get slotsMoved(): number {
    return this.#slotsMoved;
  }

  /** It is paused: no batch is under way, and none begins. Idempotent. */
  rest(): void {
    this.#restsSinceMs ??= this.#clock.nowMs();
  }

  /** Idempotent. */
  goOn(): void {
    if (this.#restsSinceMs === undefined) return;
    this.#restedMs += this.#clock.nowMs() - this.#restsSinceMs;
    this.#restsSinceMs = undefined;
  }

  copied(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    this.#copied = { rows: this.#copied.rows + rows, bytes: this.#copied.bytes + bytes };
  }

  /** The move under way was committed, with this many slots. */
  moved(slots: number): void {
    this.#slotsMoved += slots;
    const { slots: before, rows, bytes, freezeMaxMs, failures } = this.#unrecorded;
    this.#unrecorded = {
      slots: before + slots,
      rows: rows + this.#copied.rows,
      bytes: bytes + this.#copied.bytes,
      freezeMaxMs,
      failures,
    };
    this.#copied = { rows: 0, bytes: 0 };
  }

  /** The move under way was aborted: what it copied does not count. */
  discarded(): void {
    this.#copied = { rows: 0, bytes: 0 };
  }

  froze(durationMs: number): void {
    this.#freezesMs.push(durationMs);
    this.#unrecorded = { ...this.#unrecorded, freezeMaxMs: Math.max(this.#unrecorded.freezeMaxMs, durationMs) };
  }

  /** The figures since the last call, to be recorded. */
  takeFigures(): ChangeFigures {
    const figures = { ...this.#unrecorded, failures: this.#failures - this.#failuresRecorded };
    this.#unrecorded = none;
    this.#failuresRecorded = this.#failures;
    return figures;
  }

  describe(): ProgressView {
    const elapsedMs = this.#clock.nowMs() - this.#beganAtMs;
    const sorted = [...this.#freezesMs].sort((a, b) => a - b);
    const left = this.#slotsTotal - this.#slotsMoved;
    const rests = this.#restsSinceMs !== undefined;
    const workedMs = elapsedMs - this.#restedMs;
    return {
      slotsTotal: this.#slotsTotal,
      slotsMoved: this.#slotsMoved,
      rowsCopied: this.#rows,
      bytesCopied: this.#bytes,
      rowsPerS: rests ? null : (this.#rows * 1_000) / workedMs,
      leftMs: rests || this.#slotsMoved === 0 ? null : (workedMs * left) / this.#slotsMoved,
      elapsedMs,
      freezeMedianMs: sorted[Math.floor(sorted.length / 2)] ?? null,
      freezeMaxMs: sorted.at(-1) ?? null,
      p99BeforeMs: this.#before.p99Ms,
      p99Ms: this.#clients.p99Ms,
      failuresBefore: this.#before.failuresLately,
      failuresLately: this.#clients.failuresLately,
      failures: this.#failures,
    };
  }

  get #failures(): number {
    return this.#clients.failures - this.#before.failures;
  }
}

/** Measures how long slots are frozen: from the command to freeze to the announcement, or to the end of an abort. */
export class FreezeClock {
  readonly #clock: Clock;
  #beganAtMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    this.#beganAtMs ??= this.#clock.nowMs();
  }

  /** Milliseconds; undefined when nothing was frozen. */
  end(): number | undefined {
    const began = this.#beganAtMs;
    this.#beganAtMs = undefined;
    return began === undefined ? undefined : this.#clock.nowMs() - began;
  }
}
