/** The figures of a change under way, which operators read and `moves` keeps: only what was committed counts. */

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/ports/clock.ts';
import { FreezeClock, MoveProgress } from '../../src/rebalance/move-progress.ts';

const plan = [
  { from: 1, to: 3, slots: [1, 2, 3] },
  { from: 2, to: 3, slots: [7] },
];

let clients: { p99Ms: number | null; failures: number; failuresLately: number };
let progress: MoveProgress;

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  clients = { p99Ms: 4, failures: 10, failuresLately: 2 };
  progress = new MoveProgress(plan, clients, systemClock);
});

test('what is copied is seen at once; how long it will take, once a batch is through', () => {
  vi.advanceTimersByTime(2_000);
  progress.copied(100, 5_000);
  expect(progress.describe()).toMatchObject({
    slotsTotal: 4,
    slotsMoved: 0,
    rowsCopied: 100,
    bytesCopied: 5_000,
    rowsPerS: 50,
    elapsedMs: 2_000,
    leftMs: null,
  });
  progress.moved(1);
  expect(progress.slotsMoved).toBe(1);
  expect(progress.describe()).toMatchObject({ slotsMoved: 1, leftMs: 6_000 });
});

test('a change that rests has no rate, and its rest is no part of the rate afterwards', () => {
  vi.advanceTimersByTime(2_000);
  progress.copied(100, 5_000);
  progress.moved(1);
  progress.rest();
  expect(progress.describe()).toMatchObject({ rowsPerS: null, leftMs: null });
  vi.advanceTimersByTime(60_000);
  progress.rest();
  progress.goOn();
  expect(progress.describe()).toMatchObject({ rowsPerS: 50, leftMs: 6_000, elapsedMs: 62_000 });
});

test('only what was moved is recorded, and each of it once', () => {
  progress.copied(100, 5_000);
  expect(progress.takeFigures()).toMatchObject({ slots: 0, rows: 0, bytes: 0 });
  progress.moved(2);
  progress.copied(7, 70);
  progress.discarded();
  progress.copied(1, 10);
  progress.moved(1);
  expect(progress.takeFigures()).toEqual({ slots: 3, rows: 101, bytes: 5_010, freezeMaxMs: 0, failures: 0 });
  expect(progress.takeFigures()).toEqual({ slots: 0, rows: 0, bytes: 0, freezeMaxMs: 0, failures: 0 });
});

test('freezes are told by their median and the longest, and the longest is recorded once', () => {
  expect(progress.describe()).toMatchObject({ freezeMedianMs: null, freezeMaxMs: null });
  for (const durationMs of [9, 3, 30]) progress.froze(durationMs);
  expect(progress.describe()).toMatchObject({ freezeMedianMs: 9, freezeMaxMs: 30 });
  expect(progress.takeFigures().freezeMaxMs).toBe(30);
  expect(progress.takeFigures().freezeMaxMs).toBe(0);
});

test('failures are those since the change began; those before are told beside them', () => {
  clients.failures = 13;
  clients.failuresLately = 3;
  clients.p99Ms = 8;
  expect(progress.describe()).toMatchObject({
    p99BeforeMs: 4,
    p99Ms: 8,
    failuresBefore: 2,
    failuresLately: 3,
    failures: 3,
  });
  expect(progress.takeFigures().failures).toBe(3);
  clients.failures = 14;
  expect(progress.takeFigures().failures).toBe(1);
});

test('the clock of a freeze runs from its first beginning, and measures nothing when nothing froze', () => {
  const clock = new FreezeClock(systemClock);
  expect(clock.end()).toBeUndefined();
  clock.begin();
  vi.advanceTimersByTime(5);
  clock.begin();
  vi.advanceTimersByTime(7);
  expect(clock.end()).toBe(12);
  expect(clock.end()).toBeUndefined();
});
