/** Every small case, with every death at every point: see exhaustive.ts for what "every" means. */

import { describe, expect, test } from 'vitest';
import type { Phase } from './coverage.ts';
import { type Budget, type Case, explore } from './exhaustive.ts';

const phases = ['preparing', 'tracking', 'copying', 'freezing', 'verifying', 'releasing', 'done'] as const;

/** Each operation begins in the phase of the one before it, or in the next one. */
function triples(): Phase[][] {
  return phases.flatMap((first, a) => {
    const next = phases[a + 1];
    if (next === undefined) return [[first, first, first]];
    return [
      [first, first, first],
      [first, first, next],
      [first, next, next],
    ];
  });
}

const apart = 10;

function exploreAll(cases: readonly Case[], budget: Budget): number {
  let executions = 0;
  for (const small of cases) {
    const explored = explore(small, budget);
    executions += explored.executions;
    if (explored.failure === undefined) continue;
    const { trace, message, script } = explored.failure;
    expect.fail(`${trace}\n\n${message}\nDeviations: ${script}`);
  }
  return executions;
}

/** Each takes a core for half a minute. */
const timeout = 300_000;

describe('one slot, three operations', { timeout }, () => {
  test.each([{ operations: ['put', 'delete', 'get'] }, { operations: ['delete', 'put', 'put'] }] as const)(
    '$operations in every phase, with one deviation anywhere',
    ({ operations }) => {
      const cases = triples().map((phasesOfCase) => ({ operations, phases: phasesOfCase }));
      const executions = exploreAll(cases, { death: 1, overtaking: 0, 'early timer': 0 });
      console.log(`${executions} executions of ${cases.length} cases`);
    },
  );

  test('two deaths, one soon after the other', () => {
    const cases = [
      { operations: ['put', 'delete', 'put'], phases: ['copying', 'copying', 'copying'] },
      { operations: ['put', 'delete', 'put'], phases: ['copying', 'freezing', 'releasing'] },
    ] as const;
    console.log(`${exploreAll(cases, { death: 2, overtaking: 0, 'early timer': 0, apart })} executions`);
  });

  test('a death, and soon something that overtakes or a timer that is early', () => {
    const cases = [{ operations: ['put', 'delete', 'get'], phases: ['copying', 'freezing', 'verifying'] }] as const;
    const executions =
      exploreAll(cases, { death: 1, overtaking: 1, 'early timer': 0, apart }) +
      exploreAll(cases, { death: 1, overtaking: 0, 'early timer': 1, apart });
    console.log(`${executions} executions`);
  });

  test('two that overtake or come early', () => {
    const cases = [{ operations: ['put', 'delete', 'get'], phases: ['copying', 'freezing', 'verifying'] }] as const;
    const executions =
      exploreAll(cases, { death: 0, overtaking: 2, 'early timer': 0, apart }) +
      exploreAll(cases, { death: 0, overtaking: 0, 'early timer': 2, apart });
    console.log(`${executions} executions`);
  });
});
