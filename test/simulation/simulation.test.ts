/** The first half of the seeds; what each must show is in invariants.ts and run.ts. */

import { expect, test } from 'vitest';
import { Coverage } from './coverage.ts';
import { run } from './run.ts';
import { runHalf, seedsOfHalf } from './simulation-half.ts';

test(`whatever dies, stalls and gets lost, all invariants hold: seeds 1 to ${seedsOfHalf}`, () => runHalf(1));

test('the same seed runs the same way', () => {
  const stepsOf = (seed: number) => {
    const coverage = new Coverage();
    run(seed, { coverage, isTraced: false });
    return [coverage.steps, coverage.describe()];
  };
  for (const seed of [1, 77, 4_242]) expect(stepsOf(seed)).toEqual(stepsOf(seed));
});
