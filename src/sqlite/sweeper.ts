/**
 * Does in the background what no client waits for: deletes what has expired, forgets names that clients gave writes, and
 * gives room back to a full disk. Each goes by steps small enough that clients are served in between, and by itself: none
 * waits until another is done.
 *
 * The longer the oldest has waited, the more of the process's time it gets, as Redis's active expiry does: what expires
 * faster than it is swept would fill the disk.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import { isBusy, isDiskFull } from './database.ts';
import type { ShardFile, SweepPosition } from './shard-file.ts';

/** Between two looks for something to do. */
const intervalMs = 1_000;
/** Rows take some 25 µs each, and a step a sync of the disk. */
const stepRows = 256;
const stepPages = 64;

/** Of the process's time. The rest, more than half, is for clients at any rate. */
const leastShare = 0.1;
const largestShare = 0.45;
/** What has waited for so long gets the largest share. */
const longWaitMs = 4_000;

/** @returns since when the oldest of what is left waits, in Unix milliseconds; undefined when nothing is left */
type Step = () => number | undefined;

export class Sweeper {
  readonly #chores: readonly Chore[];

  /** @param isOurs whether this process may change a slot by itself, right now */
  constructor(file: ShardFile, clock: Clock, isOurs: (slot: number) => boolean) {
    let after: SweepPosition | undefined;
    const sweep = () => {
      after = file.sweep(isOurs, stepRows, after);
      return after?.expiresAtMs;
    };
    const forget = () => file.forgetNames(stepRows);
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
    const delayMs = waitsSinceMs === undefined ? intervalMs : pauseMs(tookMs, this.#clock.dateMs() - waitsSinceMs);
    this.#timer = this.#clock.after(delayMs, () => this.#run());
  }

  #waitsSinceMs(): number | undefined {
    try {
      return this.#step();
    } catch (error) {
      // There was no room even with the reserve, or another process has the shared file locked: later.
      if (isDiskFull(error) || isBusy(error)) return undefined;
      throw error;
    }
  }
}

/** After a step that took so long, when the oldest of what is left has waited so long. */
export function pauseMs(tookMs: number, waitedMs: number): number {
  const urgency = Math.min(1, Math.max(0, waitedMs / longWaitMs));
  const share = leastShare + urgency * (largestShare - leastShare);
  return tookMs * (1 / share - 1);
}
