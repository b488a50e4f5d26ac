/** Latencies of the last ten intervals, of the current one alone, and of all time: one recording for all three. Pure. */

import { LatencyHistogram } from './latency-histogram.ts';

const windowIntervals = 10;

export class LatencyWindow {
  /** The current interval and those before it, used round robin. */
  readonly intervals: readonly LatencyHistogram[] = Array.from(
    { length: windowIntervals },
    () => new LatencyHistogram(),
  );
  readonly #past = new LatencyHistogram();
  #interval = 0;

  get current(): LatencyHistogram {
    return this.intervals[this.#interval] as LatencyHistogram;
  }

  /** Of everything that was ever recorded. */
  ever(): LatencyHistogram {
    const ever = new LatencyHistogram();
    ever.add(this.#past);
    ever.add(this.current);
    return ever;
  }

  /** Ends the current interval, and forgets the oldest. */
  turn(): void {
    this.#past.add(this.current);
    this.#interval = (this.#interval + 1) % windowIntervals;
    this.current.clear();
  }
}
