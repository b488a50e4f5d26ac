/**
 * Every small case, with every death at every point: see exhaustive.ts for what "every" means. With `SMALL_CASES=all`
 * (most of an hour on one core) operations begin in any phases, and two deviations are however far apart.
 */

import { describe, expect, test } from 'vitest';
import type { Phase } from './coverage.ts';
import { type Budget, type Case, explore } from './exhaustive.ts';

const isWhole = process.env['SMALL_CASES'] === 'all';

const phases = ['preparing', 'tracking', 'copying', 'freezing', 'verifying', 'releasing', 'done'] as const;

/** No operation begins in a phase before that of the one before it; in the next phase at the latest unless whole. */
function triples(): Phase[][] {
  const reach = isWhole ? phases.length : 2;
  return phases.flatMap((first, a) =>
    phases
      .slice(a, a + reach)
      .flatMap((second, b) => phases.slice(a + b, a + reach).map((third) => [first, second, third])),
  );
}

const phasesOfTwoDeaths: readonly (readonly Phase[])[] = [
  ...(isWhole ? phases : (['copying'] as const)).map((phase) => [phase, phase, phase]),
  ['copying', 'freezing', 'releasing'],
];

const apart = isWhole ? Number.POSITIVE_INFINITY : 10;

async function exploreAll(cases: readonly Case[], budget: Budget): Promise<number> {
  let executions = 0;
  for (const small of cases) {
    const explored = await explore(small, budget);
    executions += explored.executions;
    if (explored.failure === undefined) continue;
    const { trace, message, script } = explored.failure;
    expect.fail(`${trace}\n\n${message}\nDeviations: ${script}`);
  }
  return executions;
}

describe('one slot, three operations', () => {
  test.each([{ operations: ['put', 'delete', 'get'] }, { operations: ['delete', 'put', 'put'] }] as const)(
    '$operations in every phase, with one deviation anywhere',
    async ({ operations }) => {
      const cases = triples().map((phasesOfCase) => ({ operations, phases: phasesOfCase }));
      const executions = await exploreAll(cases, { death: 1, overtaking: 0, 'early timer': 0 });
      console.log(`${executions} executions of ${cases.length} cases`);
    },
  );

  test('two deaths, one soon after the other', async () => {
    const operations = ['put', 'delete', 'put'] as const;
    const cases = phasesOfTwoDeaths.map((phasesOfCase) => ({ operations, phases: phasesOfCase }));
    console.log(`${await exploreAll(cases, { death: 2, overtaking: 0, 'early timer': 0, apart })} executions`);
  });

  test('a death, and soon something that overtakes or a timer that is early', async () => {
    const cases = [{ operations: ['put', 'delete', 'get'], phases: ['copying', 'freezing', 'verifying'] }] as const;
    const executions =
      (await exploreAll(cases, { death: 1, overtaking: 1, 'early timer': 0, apart })) +
      (await exploreAll(cases, { death: 1, overtaking: 0, 'early timer': 1, apart }));
    console.log(`${executions} executions`);
  });

  test('two that overtake or come early', async () => {
    const cases = [{ operations: ['put', 'delete', 'get'], phases: ['copying', 'freezing', 'verifying'] }] as const;
    const executions =
      (await exploreAll(cases, { death: 0, overtaking: 2, 'early timer': 0, apart })) +
      (await exploreAll(cases, { death: 0, overtaking: 0, 'early timer': 2, apart }));
    console.log(`${executions} executions`);
  });
});
