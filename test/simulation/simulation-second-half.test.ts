/** The second half of the seeds: see simulation.test.ts. */

import { test } from 'vitest';
import { runHalf, seedsOfHalf } from './simulation-half.ts';

test(`whatever dies, stalls and gets lost, all invariants hold: seeds ${seedsOfHalf + 1} to ${2 * seedsOfHalf}`, () =>
  runHalf(seedsOfHalf + 1));
