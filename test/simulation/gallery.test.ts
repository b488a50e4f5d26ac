/** A checker that finds nothing may be blind: every bug of the gallery must be seen. */

import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { gallery } from './gallery.ts';
import { seedsMax, Workshop } from './gallery-trial.ts';

const workshop = new Workshop(fileURLToPath(new URL('../..', import.meta.url)));
afterAll(() => workshop.close());

describe(`within ${seedsMax} seeds it is seen that`, () => {
  test.each(gallery)('$name', (mutant) => {
    expect(workshop.try(mutant).caughtBy).toBeDefined();
  });
});

test('the gallery shows forty bugs or more', () => {
  expect(gallery.length).toBeGreaterThanOrEqual(40);
});
