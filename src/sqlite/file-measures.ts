/** What one process has measured of its file since it opened it: how its batches and commits went, and what expired. */

import { LatencyHistogram } from '../metrics/latency-histogram.ts';
import { LogHistogram } from '../metrics/log-histogram.ts';
import { amount, distribution, type Measure } from '../metrics/measure.ts';

export class FileMeasures {
  /** Executions of a batch, its commit included. */
  readonly batches = new LatencyHistogram();
  readonly commits = new LatencyHistogram();
  readonly writesOfCommits = new LogHistogram();
  expiredKeys = 0;

  measures(): readonly Measure[] {
    return [
      distribution('shardlite_batch_duration_seconds', this.batches),
      distribution('shardlite_commit_duration_seconds', this.commits),
      distribution('shardlite_commit_writes', this.writesOfCommits),
      amount('shardlite_expired_keys_total', this.expiredKeys),
    ];
  }
}

/** How long something took, told to the histogram when it has succeeded. */
export function timed<T>(histogram: LatencyHistogram, work: () => T): T {
  const beganAtMs = performance.now();
  const result = work();
  histogram.record(performance.now() - beganAtMs);
  return result;
}
