/** Deletes in the background what has expired, in steps small enough that no client notices. */

import type { Clock, Timer } from '../ports/clock.ts';
import { isBusy, isDiskFull } from './database.ts';
import type { ShardFile } from './shard-file.ts';

const intervalMs = 1_000;
/** A step takes a few milliseconds. */
const stepRows = 256;
/** Pauses are so many times as long as the step before: sweeping takes at most a tenth of the process's time. */
const pauseFactor = 9;

export class Sweeper {
  readonly #file: ShardFile;
  readonly #isOurs: (slot: number) => boolean;
  readonly #clock: Clock;
  #timer: Timer;

  /** @param isOurs whether this process may change a slot by itself, right now */
  constructor(file: ShardFile, clock: Clock, isOurs: (slot: number) => boolean) {
    this.#file = file;
    this.#clock = clock;
    this.#isOurs = isOurs;
    this.#timer = clock.after(intervalMs, () => this.#step(undefined));
  }

  /** Idempotent. */
  stop(): void {
    this.#timer.cancel();
  }

  #step(after: Parameters<ShardFile['sweep']>[2]): void {
    const beganAtMs = this.#clock.nowMs();
    const next = this.#swept(after);
    const delayMs = next === undefined ? intervalMs : pauseFactor * (this.#clock.nowMs() - beganAtMs);
    this.#timer = this.#clock.after(delayMs, () => this.#step(next));
  }

  #swept(after: Parameters<ShardFile['sweep']>[2]) {
    try {
      return this.#file.sweep(this.#isOurs, stepRows, after);
    } catch (error) {
      // Even deleting needs room, and of a shared file the lock. What has expired is not served all the same.
      if (isDiskFull(error) || isBusy(error)) return undefined;
      throw error;
    }
  }
}
