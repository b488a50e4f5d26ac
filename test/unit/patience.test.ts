/** How long export and import go on asking a service that does not answer. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CliFailure } from '../../src/cli/exit.ts';
import { Patience } from '../../src/cli/patience.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How long it waits before it asks again, in milliseconds. */
async function waitBefore(patience: Patience, attempt: number): Promise<number> {
  const begunAtMs = performance.now();
  const asked = patience.beforeAsking(attempt, 'It is away.');
  await vi.runAllTimersAsync();
  await asked;
  return performance.now() - begunAtMs;
}

test('the first tries follow soon, the later ones every two seconds', async () => {
  const patience = new Patience(60_000);
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt++) waits.push(await waitBefore(patience, attempt));
  expect(waits).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
});

test('after a minute without a useful answer it is over, and the last answer is told', async () => {
  const patience = new Patience(60_000);
  vi.advanceTimersByTime(60_001);
  const over = patience.beforeAsking(40, 'It is away. (shard-unavailable)');
  await expect(over).rejects.toThrow(CliFailure);
  await expect(over).rejects.toThrow('The service has not answered for 60 s: It is away. (shard-unavailable)');
});

test('every useful answer begins the minute anew', async () => {
  const patience = new Patience(60_000);
  for (let minute = 0; minute < 5; minute++) {
    vi.advanceTimersByTime(59_000);
    expect(await waitBefore(patience, 1)).toBe(100);
    patience.answered();
  }
});
