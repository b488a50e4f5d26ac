/** Half of the seeds of `npm test`: vitest runs two test files at a time, one on each core. */

import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import { Coverage } from './coverage.ts';
import { report, run } from './run.ts';

/** `SIMULATED_SEEDS=8000` takes fewer. */
export const seedsOfHalf = Math.ceil(Number(process.env['SIMULATED_SEEDS'] ?? 20_000) / 2);

/** Every invariant holds for these seeds, and each party dies in each phase of a move. */
export async function runHalf(firstSeed: number): Promise<void> {
  const coverage = new Coverage();
  const beganAtMs = performance.now();
  for (let seed = firstSeed; seed < firstSeed + seedsOfHalf; seed++) {
    if (run(seed, { coverage, isTraced: false }) !== undefined) expect.fail(report(seed));
    // Promises of the product hold a world until they are settled.
    await setImmediate();
  }
  const seconds = (performance.now() - beganAtMs) / 1_000;
  console.log(`${seedsOfHalf} seeds in ${seconds.toFixed(1)} s, ${coverage.steps} steps\n${coverage.describe()}`);
  expect(coverage.missing()).toEqual([]);
}
