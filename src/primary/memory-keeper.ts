/** Has a process reloaded that has taken more memory than it may for too long, one at a time, and says so. */

import { type Clock, every, type Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import { MemoryWatch } from './memory-watch.ts';

const lookIntervalMs = 1_000;

type Kept = Pick<SupervisedChild, 'health' | 'pid'> & { readonly spec: { readonly name: string } };

export type MemoryKeeperOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly children: () => readonly Kept[];
  /** As it is at the moment of asking; undefined for no limit. */
  readonly bytesMax: () => number | undefined;
  /** Not while another reload is under way, nor while the service starts or stops. */
  readonly mayReload: () => boolean;
  readonly reload: (name: string) => void;
};

export class MemoryKeeper {
  readonly #options: MemoryKeeperOptions;
  readonly #watch = new MemoryWatch<Kept>();
  readonly #looks: Timer;

  /** Looks from now on. */
  constructor(options: MemoryKeeperOptions) {
    this.#options = options;
    this.#looks = every(options.clock, lookIntervalMs, () => this.#look());
  }

  /** Idempotent. */
  stop(): void {
    this.#looks.cancel();
  }

  #look(): void {
    const { children, bytesMax, mayReload, reload, log } = this.#options;
    const allowed = bytesMax();
    const found = this.#watch.look(children(), allowed);
    if (found === undefined || allowed === undefined || !mayReload()) return;
    const { name } = found.spec;
    const [takenMiB, allowedMiB] = [found.health?.memoryBytes ?? 0, allowed].map((bytes) =>
      Math.round(bytes / 2 ** 20),
    );
    log.warn({ child: name }, `${name} takes ${takenMiB} MiB of memory, more than ${allowedMiB} MiB: it is reloaded`);
    reload(name);
  }
}
