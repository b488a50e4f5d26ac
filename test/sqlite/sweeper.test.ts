/** What the sweeper takes of a process's time, and what it does with it. */

import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { idempotencyKeptMs } from '../../src/kv/idempotency-key.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { pauseMs, rowsOfNextStep, Sweeper } from '../../src/sqlite/sweeper.ts';
import { idempotencyKey, put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Of the process's time, by the figures of this project's own machine. */
const msPerRow = 0.016;
const msPerSync = 4;
/** What a step may take, and what the one before may have said too little of. */
const longestStepMs = 1.5 * 20;

class CostlyFile extends ShardFile {
  sweptMs = 0;
  longestMs = 0;

  override sweep(...args: Parameters<ShardFile['sweep']>): ReturnType<ShardFile['sweep']> {
    const before = this.counters.keys;
    const next = super.sweep(...args);
    const swept = before - this.counters.keys;
    const tookMs = swept === 0 ? 0 : msPerSync + swept * msPerRow;
    clock.pass(tookMs);
    this.sweptMs += tookMs;
    this.longestMs = Math.max(this.longestMs, tookMs);
    return next;
  }
}

let clock: VirtualClock;
let file: CostlyFile;
let sweeper: Sweeper;
beforeEach(() => {
  clock = new VirtualClock();
  const path = join(temporaryDirectory(), 'shard.sqlite');
  file = new CostlyFile(path, { service: 'test', shard: 1 }, { clock });
  sweeper = new Sweeper(file, clock, () => true);
});
afterEach(() => {
  sweeper.stop();
  file.close();
});

/** Keys that expire one after the other, evenly, from now on and within so long. */
function expiring(count: number, withinMs: number): void {
  const requests = Array.from({ length: count }, (_, index) => ({
    operation: put(`key-${index}`, '', '', {
      expiresAtMs: clock.dateMs() + 1 + Math.floor((index * withinMs) / count),
    }),
  }));
  file.execute(requests);
}

test('what has just expired takes a tenth of the time, and what has waited long takes nearly half', () => {
  expect(pauseMs(9, 0)).toBeCloseTo(81);
  expect(pauseMs(9, 60_000)).toBeCloseTo(11);
  expect(pauseMs(9, -5_000)).toBeCloseTo(81);
});

test('fifteen thousand keys a second expire, and are swept as fast by steps that hold nobody up for long', () => {
  const [seconds, keysPerS] = [6, 15_000];
  expiring(seconds * keysPerS, seconds * 1_000);
  let largest = 0;
  for (let second = 1; second <= seconds; second++) {
    clock.run(1_000);
    largest = Math.max(largest, second * keysPerS - (seconds * keysPerS - file.counters.keys));
  }
  // What has expired and lies there yet: that of a few seconds.
  expect(largest).toBeLessThan(2.5 * keysPerS);
  expect(file.sweptMs).toBeLessThan(0.45 * seconds * 1_000);
  expect(file.longestMs).toBeLessThan(longestStepMs);
});

test('a step has as many rows as take its time, and after a slow one fewer', () => {
  expect(rowsOfNextStep(256, 2, 0)).toBe(384);
  expect(rowsOfNextStep(1_000, 8, 0)).toBe(1_000);
  expect(rowsOfNextStep(1_000, 16, 10_000)).toBe(1_250);
  expect(rowsOfNextStep(1_000, 200, 10_000)).toBe(667);
  expect(rowsOfNextStep(4_000, 1, 0)).toBe(4_096);
  expect(rowsOfNextStep(256, 500, 0)).toBe(256);
});

test('names are forgotten on their own, while what has expired takes all the time that it may', () => {
  file.execute([{ operation: put('named', '', '', { idempotencyKey: idempotencyKey('name', 'this') }) }]);
  clock.pass(idempotencyKeptMs);
  expiring(40_000, 1);
  clock.run(2_500);
  expect(file.counters.keys).toBeGreaterThan(10_000);
  const again = put('named', 'again', '', { idempotencyKey: idempotencyKey('name', 'this') });
  expect(file.execute([{ operation: again }])).toEqual([{ kind: 'replaced', version: expect.any(Number) }]);
});
