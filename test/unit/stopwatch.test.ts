/** The watch of tests that say "within so long". */

import { expect, test } from 'vitest';
import { Stopwatch } from '../support/stopwatch.ts';

test('time passes on the watch, but not while nobody runs', async () => {
  const [begunAtMs, watch] = [performance.now(), new Stopwatch()];
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stillUntilMs = performance.now() + 500;
  while (performance.now() < stillUntilMs);
  const [passedMs, reallyMs] = [watch.stop(), performance.now() - begunAtMs];
  expect(passedMs).toBeGreaterThan(100);
  expect(passedMs).toBeLessThanOrEqual(reallyMs - 440);
});
