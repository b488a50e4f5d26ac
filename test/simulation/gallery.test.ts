/** A checker that finds nothing may be blind: every bug of the gallery must be seen. */

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { gallery } from './gallery.ts';
import { seedsMax, tryMutant } from './gallery-trial.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe(`within ${seedsMax} seeds it is seen that`, () => {
  test.each(gallery)('$name', (mutant) => {
    expect(tryMutant(mutant, root).caughtBy).toBeDefined();
  });
});

test('the gallery shows forty bugs or more', () => {
  expect(gallery.length).toBeGreaterThanOrEqual(40);
});
