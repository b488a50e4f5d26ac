/**
 * The last room of a data directory: a file that is there to be given up when the disk is full, because also what makes
 * room needs some. From then on until it is made again, what is left belongs to deletes, expiry, ends of moves and
 * restarts alone; every other write is refused.
 *
 *   reserve          really has its bytes on disk: at least as many as a log that is written ahead has before it is
 *                    folded into its file, so that one file after the other can be folded and gives room of its own
 *   reserve.given    stands in its place while it has none. Every process of the service looks for it
 */

import { renameSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDiskFull } from './database.ts';

export interface DiskReserve {
  /** Whether the disk is so full that only what makes room may write. */
  readonly isGiven: boolean;
  /** Gives its room back to the file system, if there is any to give. */
  giveUp(): void;
}

export const noReserve: DiskReserve = { isGiven: false, giveUp: () => {} };

/** Another process may have given it up: it is looked for so often, while writes come. */
const lookIntervalMs = 100;

export class ReserveFile implements DiskReserve {
  readonly path: string;
  readonly #now: () => number;
  #isGiven = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds that never go back */
  constructor(directory: string, now: () => number = () => performance.now()) {
    this.path = join(directory, 'reserve');
    this.#now = now;
  }

  /** Of the directory in which this database lies. */
  static beside(database: string): ReserveFile {
    return new ReserveFile(dirname(database));
  }

  /** While it is given up. */
  get markPath(): string {
    return `${this.path}.given`;
  }

  get isGiven(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#lookedAtMs < lookIntervalMs) return this.#isGiven;
    this.#lookedAtMs = nowMs;
    try {
      this.#isGiven = statSync(this.markPath, { throwIfNoEntry: false }) !== undefined;
    } catch {
      // Somebody has taken the right to look: what was seen last stays.
    }
    return this.#isGiven;
  }

  giveUp(): void {
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    try {
      // In this order, neither of which needs room: whoever sees the room sees that it is not for everybody.
      renameSync(this.path, this.markPath);
      truncateSync(this.markPath);
    } catch (error) {
      // There is none, or another process has just given it up.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/**
 * Does what has to be done on a full disk too: when there was no room, once more with the reserve given up.
 * @param work does all or, when it throws, nothing
 * @param beforeRetry makes the best of the new room
 */
export function withReserve<T>(reserve: DiskReserve, work: () => T, beforeRetry: () => void = () => {}): T {
  try {
    return work();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    reserve.giveUp();
    if (!reserve.isGiven) throw error;
    beforeRetry();
    return work();
  }
}
