/** Latencies in microseconds, told in milliseconds: a percentile is at most 1/16 (or 1 µs) too high. Pure. */

import { LogHistogram } from './log-histogram.ts';

export class LatencyHistogram extends LogHistogram {
  record(durationMs: number, times = 1): void {
    this.count(durationMs * 1_000, times);
  }

  /** Over several histograms as if they were one; null when they are all empty. */
  static percentileMs(histograms: readonly LatencyHistogram[], percentile: number): number | null {
    const us = LogHistogram.percentile(histograms, percentile);
    return us === null ? null : us / 1_000;
  }
}
