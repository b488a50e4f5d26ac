/** What the sweeper takes of a process's time, what it does with it, and what commits do where that is too little. */

import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { idempotencyKeptMs } from '../../src/kv/idempotency-key.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { pauseMs, rowsOfNextStep, Sweeper } from '../../src/sqlite/sweeper.ts';
import { fileInMemory } from '../support/file-in-memory.ts';
import { idempotencyKey, put, remove } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Of the process's time, by the figures of this project's own machine. */
const usualMsPerRow = 0.016;
const msPerSync = 4;
/** What a step may take, and what the one before may have said too little of. */
const longestStepMs = 1.5 * 20;

class CostlyFile extends ShardFile {
  msPerRow = usualMsPerRow;
  sweptMs = 0;
  longestMs = 0;

  override sweep(...args: Parameters<ShardFile['sweep']>): ReturnType<ShardFile['sweep']> {
    const before = this.counters.keys;
    const next = super.sweep(...args);
    const swept = before - this.counters.keys;
    const tookMs = swept === 0 ? 0 : msPerSync + swept * this.msPerRow;
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

test('it looks once a second, goes on soon while something is left, and never again once it is stopped', () => {
  const swept: number[] = [];
  const lookAfter = (ms: number) => {
    clock.run(ms);
    swept.push(file.counters.keys);
  };
  expiring(300, 1);
  for (const ms of [999, 1, 100]) lookAfter(ms);
  // The first step has 256 rows. The rest comes when ten times what it took has passed.
  expect(swept).toEqual([300, 44, 0]);
  clock.run(5_000);
  expiring(1, 1);
  lookAfter(1_000);
  sweeper.stop();
  expiring(1, 1);
  lookAfter(10_000);
  expect(swept).toEqual([300, 44, 0, 0, 1]);
});

test('what finds no room is tried again later; whatever else goes wrong is thrown on', () => {
  const { file: small, disk } = fileInMemory({ clock });
  const second = new Sweeper(small, clock, () => true);
  small.execute([{ operation: put('key', '', '', { ttlMs: 1 }) }]);
  disk.setFull(true);
  clock.run(3_000);
  expect(small.counters.keys).toBe(1);
  disk.setFull(false);
  clock.run(1_000);
  expect(small.counters.keys).toBe(0);
  small.execute([{ operation: put('key', '', '', { ttlMs: 1 }) }]);
  disk.commit = () => {
    throw new Error('the sync failed');
  };
  expect(() => clock.run(2_000)).toThrow('the sync failed');
  second.stop();
});

test('while the reserve is given up, the room of what was deleted is given back to the disk', () => {
  const reserve = { isGiven: false, giveUp: () => {} };
  const { file: small, disk } = fileInMemory({ clock, reserve });
  const second = new Sweeper(small, clock, () => true);
  small.execute([{ operation: put('key', Buffer.alloc(200_000)) }]);
  small.execute([{ operation: remove('key') }]);
  clock.run(2_000);
  expect(disk.setting('freelist_count')).toBeGreaterThan(100);
  reserve.isGiven = true;
  clock.run(2_000);
  expect(disk.setting('freelist_count')).toBe(0);
  second.stop();
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

test('clients that write faster than the sweeper deletes make the file no larger: their commits delete the rest', () => {
  const [keysPerTurn, turnMs, lifetimeMs, seconds] = [100, 10, 100, 3];
  const keysPerS = (keysPerTurn * 1_000) / turnMs;
  file.msPerRow = 0.1;
  let largest = 0;
  for (let turn = 0; turn < (seconds * 1_000) / turnMs; turn++) {
    const keys = Array.from({ length: keysPerTurn }, (_, index) => `${turn} ${index}`);
    file.execute(keys.map((key) => ({ operation: put(key, '', '', { ttlMs: lifetimeMs }) })));
    clock.run(turnMs);
    largest = Math.max(largest, file.counters.keys);
  }
  // What lives at one time, and what expires until the sweeper looks for the first time, which a step may hold up.
  expect(largest).toBeLessThan(((lifetimeMs + 1_000 + longestStepMs) / 1_000) * keysPerS);
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
