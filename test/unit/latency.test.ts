/**
 * Percentiles out of buckets: never too low, and too high by no more than a bucket is wide, which is 1/16 of the
 * duration and at least one microsecond.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/metrics/latency-histogram.ts';

/** Milliseconds, from fractions of a microsecond to an hour; every magnitude as often as any other. */
const anyDuration = fc.double({ min: -4, max: 6.5, noNaN: true }).map((exponent) => 10 ** exponent);
const wholeMicroseconds = fc
  .tuple(fc.nat(31), fc.nat())
  .map(([bits, noise]) => (2 ** bits + (noise % 2 ** bits)) / 1_000);
const someDurations = fc.array(fc.oneof(anyDuration, wholeMicroseconds), { minLength: 1, maxLength: 200 });
const anyPercentile = fc.oneof(fc.constantFrom(50, 99, 100), fc.integer({ min: 1, max: 100 }));

describe('a percentile', () => {
  test('is at most 1/16 or one microsecond higher than the exact one, and never lower', () => {
    fc.assert(
      fc.property(someDurations, anyPercentile, (durations, percentile) => {
        const sorted = [...durations].sort((a, b) => a - b);
        const exact = sorted[Math.ceil((sorted.length * percentile) / 100) - 1] as number;
        const estimate = LatencyHistogram.percentileMs([histogramOf(durations)], percentile) as number;
        // Milliseconds times 1,000 is not always exact in binary.
        const rounding = 1 + 1e-12;
        expect(estimate * rounding).toBeGreaterThanOrEqual(exact);
        expect(estimate).toBeLessThanOrEqual(Math.max(exact + exact / 16, exact + 0.001) * rounding);
      }),
      { numRuns: 500 },
    );
  });

  test('over several histograms is that of all their recordings together', () => {
    const shares = fc.array(someDurations, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shares, anyPercentile, (durations, percentile) => {
        const apart = LatencyHistogram.percentileMs(durations.map(histogramOf), percentile);
        expect(apart).toBe(LatencyHistogram.percentileMs([histogramOf(durations.flat())], percentile));
      }),
    );
  });

  test('of nothing is null', () => {
    expect(LatencyHistogram.percentileMs([], 99)).toBeNull();
    expect(LatencyHistogram.percentileMs([new LatencyHistogram(), new LatencyHistogram()], 99)).toBeNull();
  });

  test('takes a batch as so many recordings', () => {
    const histogram = new LatencyHistogram();
    histogram.record(100, 99);
    histogram.record(0.005);
    expect(histogram.total).toBe(100);
    expect(LatencyHistogram.percentileMs([histogram], 1)).toBeCloseTo(0.006);
    expect(LatencyHistogram.percentileMs([histogram], 2)).toBeGreaterThanOrEqual(100);
  });

  test('is over an hour for whatever took longer than can be told', () => {
    const histogram = histogramOf([24 * 3_600_000, Number.POSITIVE_INFINITY]);
    expect(LatencyHistogram.percentileMs([histogram], 99)).toBe(2 ** 32 / 1_000);
  });

  test('is the smallest for a clock that went backwards', () => {
    expect(LatencyHistogram.percentileMs([histogramOf([-5])], 99)).toBe(0.001);
  });
});

test('a cleared histogram has forgotten everything', () => {
  const histogram = histogramOf([1, 2, 3]);
  histogram.clear();
  expect(histogram.total).toBe(0);
  expect(LatencyHistogram.percentileMs([histogram], 99)).toBeNull();
  histogram.record(0.001);
  expect(LatencyHistogram.percentileMs([histogram], 100)).toBe(0.002);
});

function histogramOf(durationsMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const durationMs of durationsMs) histogram.record(durationMs);
  return histogram;
}
