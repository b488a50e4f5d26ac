/**
 * Latencies as the load generator counts them: in logarithmic buckets of microseconds, 64 to each power of two, so
 * that a percentile is at most 1.6 % too high. Pure.
 */

const subBuckets = 64;

/** Buckets that are not empty: [bucket, count], in ascending order. */
export type Buckets = readonly (readonly [bucket: number, count: number])[];

/** Of several histograms as if they were one; null when all are empty. */
export function percentileMs(histograms: readonly Buckets[], percentile: number): number | null {
  const counts = new Map<number, number>();
  for (const [bucket, count] of histograms.flat()) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const rank = Math.ceil((total * percentile) / 100);
  let seen = 0;
  for (const [bucket, count] of [...counts].sort(([a], [b]) => a - b)) {
    seen += count;
    if (seen >= rank) return upperEdgeUs(bucket) / 1_000;
  }
  return null;
}

function upperEdgeUs(bucket: number): number {
  if (bucket < subBuckets) return bucket + 1;
  const exponent = Math.floor(bucket / subBuckets) - 1;
  return ((bucket % subBuckets) + subBuckets + 1) * 2 ** exponent;
}
