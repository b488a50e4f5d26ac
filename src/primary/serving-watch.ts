/**
 * Whether anything of the service can still serve. One of which nothing can, for long, ends: whoever runs it, a service
 * manager or a person, can do more about it than a primary that has tried everything.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';

export type ServingWatchOptions = {
  readonly clock: Clock;
  /** 0 is never. */
  readonly exitAfterMs: number;
  /** All that speak HTTP, and all that hold data; one of each is needed. */
  readonly groups: () => readonly (readonly Pick<SupervisedChild, 'isGivenUp'>[])[];
  readonly onHopeless: () => void;
};

export class ServingWatch {
  readonly #options: ServingWatchOptions;
  #timer: Timer | undefined;

  constructor(options: ServingWatchOptions) {
    this.#options = options;
  }

  /** The state of a child has changed. */
  look(): void {
    const { clock, exitAfterMs, groups, onHopeless } = this.#options;
    if (exitAfterMs === 0) return;
    const isHopeless = groups().some((group) => group.length > 0 && group.every(({ isGivenUp }) => isGivenUp));
    if (!isHopeless) this.stop();
    else this.#timer ??= clock.after(exitAfterMs, onHopeless);
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
