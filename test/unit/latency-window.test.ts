/** One recording is seen three times: in its interval, in the window of ten, and for ever. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/metrics/latency-histogram.ts';
import { LatencyWindow } from '../../src/metrics/latency-window.ts';
import { LogHistogram } from '../../src/metrics/log-histogram.ts';

const someIntervals = fc.array(fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 20 }), {
  minLength: 1,
  maxLength: 30,
});

test('the window has the last ten intervals, and nothing is ever taken off what was recorded', () => {
  fc.assert(
    fc.property(someIntervals, (intervals) => {
      const window = new LatencyWindow();
      for (const [index, durationsMs] of intervals.entries()) {
        if (index > 0) window.turn();
        for (const durationMs of durationsMs) window.current.record(durationMs);
      }
      const totalOf = (some: readonly (readonly number[])[]) => some.flat().length;
      expect(window.current.total).toBe(intervals.at(-1)?.length);
      const inWindow = window.intervals.reduce((sum, { total }) => sum + total, 0);
      expect(inWindow).toBe(totalOf(intervals.slice(-10)));
      expect(window.ever().total).toBe(totalOf(intervals));
      expect(window.ever().sum).toBeCloseTo(intervals.flat().reduce((sum, ms) => sum + ms * 1_000, 0));
      expect(LatencyHistogram.percentileMs([window.ever()], 99)).toBe(
        LatencyHistogram.percentileMs([histogramOf(intervals.flat())], 99),
      );
    }),
  );
});

test('how many lie below a power of two is exact, at every power', () => {
  const powers = Array.from({ length: 33 }, (_, exponent) => 2 ** exponent);
  const anyAmount = fc.oneof(
    fc.nat(),
    fc.constantFrom(...powers.flatMap((power) => [power - 1, power]).filter((one) => one < 2 ** 32)),
  );
  fc.assert(
    fc.property(fc.array(anyAmount, { maxLength: 300 }), (amounts) => {
      const histogram = new LogHistogram();
      for (const amount of amounts) histogram.count(amount);
      expect(histogram.below(powers)).toEqual(powers.map((power) => amounts.filter((one) => one < power).length));
    }),
  );
});

function histogramOf(durationsMs: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const durationMs of durationsMs) histogram.record(durationMs);
  return histogram;
}
