/**
 * Does in the background what no client waits for: deletes what has expired, forgets names that clients gave writes, and
 * gives room back to a full disk. Each goes by steps small enough that clients are served in between, and by itself: none
 * waits until another is done.
 *
 * The longer the oldest has waited, the more of the process's time it gets, as Redis's active expiry does, and the longer
 * its steps. What expires faster than that, commits delete (expired-rows.ts). A step syncs the disk once and writes each page of
 * an index that it touches once, however many rows it deletes. Measured, 150,000 keys in no order: 24 µs of CPU a row by
 * steps of 256, 20 by 1,024, and 12 by 4,096, which take too long beside clients.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import { isBusy, isDiskFull } from './database.ts';
import type { ShardFile } from './shard-file.ts';

/** Between two looks for something to do. */
const intervalMs = 1_000;
const stepPages = 64;
/** A step has so many rows at first. From then on it has as many as take its time. */
const leastRows = 256;
const mostRows = 4_096;
/** What a step takes while nothing has waited long, and when it has: as long as any client may be held up. */
const shortStepMs = 8;
const longStepMs = 20;

/** Of the process's time. The rest, more than half, is for clients at any rate. */
const leastShare = 0.1;
const largestShare = 0.45;
/** What has waited for so long gets the largest share. */
const longWaitMs = 4_000;

/**
 * @param rowsMax that it may take at once
 * @returns since when the oldest of what is left waits, in Unix milliseconds; undefined when nothing is left
 */
type Step = (rowsMax: number) => number | undefined;

export class Sweeper {
  readonly #chores: readonly Chore[];

  /** @param isOurs whether this process may change a slot by itself, right now */
  constructor(file: ShardFile, clock: Clock, isOurs: (slot: number) => boolean) {
    const sweep = (rowsMax: number) => file.sweep(isOurs, rowsMax);
    const forget = (rowsMax: number) => file.forgetNames(rowsMax);
    const giveBack = () => (file.giveRoomBack(stepPages) ? clock.dateMs() : undefined);
    this.#chores = [sweep, forget, giveBack].map((step) => new Chore(clock, step));
  }

  /** Idempotent. */
  stop(): void {
    for (const chore of this.#chores) chore.stop();
  }
}

class Chore {
  readonly #clock: Clock;
  readonly #step: Step;
  #rowsMax = leastRows;
  #timer: Timer;

  constructor(clock: Clock, step: Step) {
    this.#clock = clock;
    this.#step = step;
    this.#timer = clock.after(intervalMs, () => this.#run());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #run(): void {
    const beganAtMs = this.#clock.nowMs();
    const waitsSinceMs = this.#waitsSinceMs();
    const tookMs = this.#clock.nowMs() - beganAtMs;
    let delayMs = intervalMs;
    if (waitsSinceMs === undefined) this.#rowsMax = leastRows;
    else {
      const waitedMs = this.#clock.dateMs() - waitsSinceMs;
      delayMs = pauseMs(tookMs, waitedMs);
      this.#rowsMax = rowsOfNextStep(this.#rowsMax, tookMs, waitedMs);
    }
    this.#timer = this.#clock.after(delayMs, () => this.#run());
  }

  #waitsSinceMs(): number | undefined {
    try {
      return this.#step(this.#rowsMax);
    } catch (error) {
      // There was no room even with the reserve, or another process has the shared file locked: later.
      if (isDiskFull(error) || isBusy(error)) return undefined;
      throw error;
    }
  }
}

/** After a step that took so long, when the oldest of what is left has waited so long. */
export function pauseMs(tookMs: number, waitedMs: number): number {
  return tookMs * (1 / between(leastShare, largestShare, waitedMs) - 1);
}

/** After a step of so many rows, which took so long. What a row takes varies: it grows and shrinks by half at most. */
export function rowsOfNextStep(rows: number, tookMs: number, waitedMs: number): number {
  const change = between(shortStepMs, longStepMs, waitedMs) / tookMs;
  return Math.round(clamped(rows * clamped(change, 1 / 1.5, 1.5), leastRows, mostRows));
}

/** From the least, for what has just expired, to the most, for what has waited long. */
function between(least: number, most: number, waitedMs: number): number {
  return least + clamped(waitedMs / longWaitMs, 0, 1) * (most - least);
}

function clamped(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
