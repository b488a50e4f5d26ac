/** What clients see of the service, as its routers tell: how long answers take, and how many fail. */

import type { Clock } from '../ports/clock.ts';
import type { ClientView } from './ports.ts';

/** As long as the window of the p99 beside which they are shown. */
const latelyMs = 10_000;

export class ClientFigures {
  readonly #views: () => readonly ClientView[];
  readonly #clock: Clock;
  /** Answers with a status from 500 on, since the primary began. */
  #failures = 0;
  #recent: readonly { readonly atMs: number; readonly count: number }[] = [];

  /** @param views of everybody who answers clients */
  constructor(views: () => readonly ClientView[], clock: Clock) {
    this.#views = views;
    this.#clock = clock;
  }

  failed(count: number): void {
    this.#failures += count;
    this.#recent = [...this.#stillRecent(), { atMs: this.#clock.nowMs(), count }];
  }

  get failures(): number {
    return this.#failures;
  }

  get failuresLately(): number {
    return this.#stillRecent().reduce((sum, { count }) => sum + count, 0);
  }

  get operationsPerS(): number {
    return this.#views().reduce((sum, { operationsPerS }) => sum + operationsPerS, 0);
  }

  /** The worst router's, over ten seconds; null when there were no operations. */
  get p99Ms(): number | null {
    return this.#worst('p99Ms');
  }

  /** The worst router's, over the last second. */
  get secondP99Ms(): number | null {
    return this.#worst('intervalP99Ms');
  }

  #stillRecent() {
    const sinceMs = this.#clock.nowMs() - latelyMs;
    return this.#recent.filter(({ atMs }) => atMs >= sinceMs);
  }

  #worst(figure: 'p99Ms' | 'intervalP99Ms'): number | null {
    const seen = this.#views()
      .map((view) => view[figure])
      .filter((p99) => p99 !== null);
    return seen.length === 0 ? null : Math.max(...seen);
  }
}
