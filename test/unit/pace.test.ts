/** How the automatic throttle answers what clients feel, in worlds whose latencies scatter as real ones do. */

import { describe, expect, test } from 'vitest';
import { firstPace, type Pace, paceAfter } from '../../src/rebalance/pace.ts';
import { Random } from '../support/random.ts';

/** Of a machine of two busy cores: most seconds 30 ms, some 6 ms. */
function scattered(random: Random): number {
  return random.chance(0.3) ? 5 + 3 * random.next() : 22 + 12 * random.next();
}

function quiet(seconds: number, p99Ms: () => number | null, from: Pace = firstPace): Pace {
  let pace = from;
  for (let second = 0; second < seconds; second++) {
    pace = paceAfter(pace, { isMoving: false, p99Ms: p99Ms(), boundMs: undefined });
  }
  return pace;
}

type World = {
  readonly seconds: number;
  readonly p99Ms: (rowsPerS: number) => number | null;
  readonly boundMs?: number;
};

function moving(from: Pace, { seconds, p99Ms, boundMs }: World): { readonly pace: Pace; readonly rows: number } {
  let pace = from;
  let rows = 0;
  for (let second = 0; second < seconds; second++) {
    rows += pace.rowsPerS;
    pace = paceAfter(pace, { isMoving: true, p99Ms: p99Ms(pace.rowsPerS), boundMs });
  }
  return { pace, rows };
}

describe('the automatic throttle', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'does not take scatter for its own doing (seed %i)',
    (seed) => {
      const random = new Random(seed);
      const { rows } = moving(
        quiet(30, () => scattered(random)),
        { seconds: 40, p99Ms: () => scattered(random) },
      );
      expect(rows).toBeGreaterThan(40 * firstPace.rowsPerS);
    },
  );

  test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'copies a third of a million rows in under a minute where 25,000 rows/s double the latency (seed %i)',
    (seed) => {
      const random = new Random(seed);
      const p99Ms = (rowsPerS: number) => scattered(random) * (1 + rowsPerS / 25_000);
      const felt: number[] = [];
      const world: World = {
        seconds: 50,
        p99Ms: (rowsPerS) => {
          felt.push(1 + rowsPerS / 25_000);
          return p99Ms(rowsPerS);
        },
      };
      expect(
        moving(
          quiet(30, () => p99Ms(0)),
          world,
        ).rows,
      ).toBeGreaterThan(333_000);
      expect(felt.reduce((sum, growth) => sum + growth) / felt.length).toBeLessThan(2);
    },
  );

  test('goes faster and faster where nobody feels it', () => {
    const { pace } = moving(
      quiet(10, () => 5),
      { seconds: 60, p99Ms: () => 5 },
    );
    expect(pace.rowsPerS).toBe(200_000);
  });

  test('halves within two seconds when clients suffer, and sinks to a burden that nobody feels, no further', () => {
    const before = quiet(10, () => 5);
    expect(moving(before, { seconds: 2, p99Ms: () => 50 }).pace.rowsPerS).toBe(firstPace.rowsPerS / 2);
    expect(moving(before, { seconds: 60, p99Ms: () => 50 }).pace.rowsPerS).toBe(5_000);
  });

  test('one bad second is forgiven', () => {
    const p99sMs = [60, 5, 5, 5, 5];
    const { pace } = moving(
      quiet(10, () => 10),
      { seconds: 5, p99Ms: () => p99sMs.shift() ?? 5 },
    );
    expect(pace.rowsPerS).toBeGreaterThanOrEqual(firstPace.rowsPerS * 0.7);
  });

  test('stays as it began where nobody knows what clients are used to', () => {
    expect(
      moving(
        quiet(2, () => 5),
        { seconds: 60, p99Ms: () => 500 },
      ).pace.rowsPerS,
    ).toBe(firstPace.rowsPerS);
    expect(
      moving(
        quiet(60, () => null),
        { seconds: 60, p99Ms: () => null },
      ).pace,
    ).toEqual(firstPace);
  });

  test("an operator's bound counts alone, down to a crawl", () => {
    const before = quiet(10, () => 5);
    expect(moving(before, { seconds: 60, p99Ms: () => 50, boundMs: 60 }).pace.rowsPerS).toBe(200_000);
    expect(moving(before, { seconds: 60, p99Ms: () => 50, boundMs: 20 }).pace.rowsPerS).toBe(500);
  });

  test('begins each change anew', () => {
    const slow = moving(
      quiet(10, () => 5),
      { seconds: 60, p99Ms: () => 50 },
    ).pace;
    expect(quiet(1, () => 5, slow).rowsPerS).toBe(firstPace.rowsPerS);
  });
});
