/** A service of which nothing can serve ends; one that is only in trouble does not. */

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/ports/clock.ts';
import { ServingWatch } from '../../src/primary/serving-watch.ts';

const exitAfterMs = 5_000;
let groups: { isGivenUp: boolean }[][];
let ends: number;

function watch(afterMs = exitAfterMs): ServingWatch {
  return new ServingWatch({ clock: systemClock, exitAfterMs: afterMs, groups: () => groups, onHopeless: () => ends++ });
}

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  ends = 0;
  groups = [[{ isGivenUp: false }], [{ isGivenUp: true }, { isGivenUp: true }]];
});

test('it ends when all of a kind have failed for so long, however often their states change meanwhile', () => {
  const watched = watch();
  watched.look();
  vi.advanceTimersByTime(exitAfterMs - 1);
  watched.look();
  expect(ends).toBe(0);
  vi.advanceTimersByTime(1);
  expect(ends).toBe(1);
});

test('it goes on when one of each kind may serve, when one comes back in time, and where there is only one kind', () => {
  const watched = watch();
  watched.look();
  vi.advanceTimersByTime(exitAfterMs - 1);
  groups = [[{ isGivenUp: false }, { isGivenUp: true }], [{ isGivenUp: false }]];
  watched.look();
  groups = [[{ isGivenUp: false }], []];
  watched.look();
  vi.advanceTimersByTime(exitAfterMs);
  expect(ends).toBe(0);
});

test('it never ends by itself when told so', () => {
  watch(0).look();
  vi.advanceTimersByTime(10 * exitAfterMs);
  expect(ends).toBe(0);
});
