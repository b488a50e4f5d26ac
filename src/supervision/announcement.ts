/**
 * The topology that a child was told last, until the child goes by it. An announcement that is lost would leave the
 * child with an older ring until the next one, and nobody knows when that comes.
 */

import type { Topology } from './messages.ts';

export class Announcement {
  #latest: Topology | undefined;
  /** A heartbeat has come since that does not know it. */
  #isDoubted = false;

  sent(topology: Topology): void {
    this.#latest = topology;
    this.#isDoubted = false;
  }

  /**
   * A heartbeat of the child says by which topology it goes.
   * @returns what has to be sent again. One heartbeat may have crossed the announcement on its way; the next has not.
   */
  heard(sequence: number): Topology | undefined {
    const isBehind = this.#latest !== undefined && sequence < this.#latest.sequence;
    const isLost = isBehind && this.#isDoubted;
    this.#isDoubted = isBehind;
    return isLost ? this.#latest : undefined;
  }
}
