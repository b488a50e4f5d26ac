/**
 * Amounts counted in logarithmic buckets, as HdrHistogram does: each power of two has 16 buckets, so a percentile is at
 * most 1/16 (or 1) too high, and the number of those up to a power of two is exact. Fixed memory, a few nanoseconds a
 * recording. Pure.
 */

const subBuckets = 16;
const subBucketBits = 4;
/** Up to 2^32. */
const buckets = (32 - subBucketBits + 1) * subBuckets;
/** Of all that are empty: a process has dozens of them, and most are never used. */
const noCounts = new Float64Array(buckets);

export class LogHistogram {
  #counts = noCounts;
  #total = 0;
  #sum = 0;

  /** How many were recorded. */
  get total(): number {
    return this.#total;
  }

  /** Of all that was recorded, unrounded. */
  get sum(): number {
    return this.#sum;
  }

  /** @param amount from 0 to 2^32; what lies beyond counts as if it did not */
  count(amount: number, times = 1): void {
    const bucket = bucketOf(amount);
    if (this.#counts === noCounts) this.#counts = new Float64Array(buckets);
    this.#counts[bucket] = (this.#counts[bucket] as number) + times;
    this.#total += times;
    this.#sum += amount * times;
  }

  add(other: LogHistogram): void {
    if (other.#total === 0) return;
    if (this.#counts === noCounts) this.#counts = new Float64Array(buckets);
    for (let bucket = 0; bucket < buckets; bucket++) {
      this.#counts[bucket] = (this.#counts[bucket] as number) + (other.#counts[bucket] as number);
    }
    this.#total += other.#total;
    this.#sum += other.#sum;
  }

  clear(): void {
    if (this.#total === 0) return;
    this.#counts.fill(0);
    this.#total = 0;
    this.#sum = 0;
  }

  /**
   * For each bound, how many amounts lie below it: "up to it" but for those that are equal to it.
   * @param bounds powers of two, ascending
   */
  below(bounds: readonly number[]): number[] {
    let seen = 0;
    let bucket = 0;
    return bounds.map((bound) => {
      for (; bucket < buckets && upperEdge(bucket) <= bound; bucket++) seen += this.#counts[bucket] as number;
      return seen;
    });
  }

  /** Over several histograms as if they were one; null when they are all empty. */
  static percentile(histograms: readonly LogHistogram[], percentile: number): number | null {
    const used = histograms.filter((histogram) => histogram.#total > 0);
    const total = used.reduce((sum, histogram) => sum + histogram.#total, 0);
    if (total === 0) return null;
    const rank = Math.ceil((total * percentile) / 100);
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      for (const histogram of used) seen += histogram.#counts[bucket] as number;
      if (seen >= rank) return upperEdge(bucket);
    }
    return upperEdge(buckets - 1);
  }
}

function bucketOf(amount: number): number {
  const whole = Math.min(Math.max(Math.floor(amount), 0), 2 ** 32 - 1);
  if (whole < subBuckets) return whole;
  const exponent = 31 - Math.clz32(whole) - subBucketBits;
  return (exponent + 1) * subBuckets + ((whole >>> exponent) - subBuckets);
}

function upperEdge(bucket: number): number {
  if (bucket < subBuckets) return bucket + 1;
  const exponent = Math.floor(bucket / subBuckets) - 1;
  return ((bucket % subBuckets) + subBuckets + 1) * 2 ** exponent;
}
