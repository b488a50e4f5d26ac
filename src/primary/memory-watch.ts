/** Finds the process that takes more memory than it may, for so long that it is no peak. Pure. */

import type { SupervisedChild } from '../supervision/supervised-child.ts';

/** Looks, one a second: a burst of large values is over by then. */
const looksMax = 30;

type Watched = Pick<SupervisedChild, 'health' | 'pid'>;

export class MemoryWatch<C extends Watched> {
  /** By process: how many looks in a row found it above its limit. */
  #above = new Map<number, number>();

  /** Once a second. @returns one of them that has been above the limit for too long, if there is one */
  look(children: readonly C[], bytesMax: number | undefined): C | undefined {
    const above = new Map<number, number>();
    let found: C | undefined;
    for (const child of children) {
      const { pid, health } = child;
      if (pid === undefined || health === undefined || bytesMax === undefined || health.memoryBytes <= bytesMax)
        continue;
      const looks = (this.#above.get(pid) ?? 0) + 1;
      above.set(pid, looks);
      if (looks > looksMax) found ??= child;
    }
    this.#above = above;
    return found;
  }
}
