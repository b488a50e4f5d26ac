/** What clients see of the service, as its routers tell each second. */

import type { Supervisor } from './supervisor.ts';

export class ClientFigures {
  readonly #supervisor: Supervisor;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  get operationsPerS(): number {
    return this.#supervisor.routers.reduce((sum, { health }) => sum + (health?.operationsPerS ?? 0), 0);
  }

  /** The worst router's, over ten seconds; null when there were no operations. */
  get p99Ms(): number | null {
    return this.#worst('p99Ms');
  }

  /** The worst router's, over the last second. */
  get secondP99Ms(): number | null {
    return this.#worst('intervalP99Ms');
  }

  #worst(figure: 'p99Ms' | 'intervalP99Ms'): number | null {
    const seen = this.#supervisor.routers.map(({ health }) => health?.[figure] ?? null).filter((p99) => p99 !== null);
    return seen.length === 0 ? null : Math.max(...seen);
  }
}
