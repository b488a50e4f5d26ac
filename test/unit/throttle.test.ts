/** How fast rows are copied: as an operator says, else as fast as clients do not notice. */

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/ports/clock.ts';
import { firstPace } from '../../src/rebalance/pace.ts';
import { Throttle } from '../../src/rebalance/throttle.ts';

let clients: { operationsPerS: number; secondP99Ms: number | null };
let isMoving: boolean;
let throttle: Throttle;

beforeEach(() => {
  vi.useFakeTimers();
  clients = { operationsPerS: 1_000, secondP99Ms: 10 };
  isMoving = false;
  throttle = new Throttle(clients, systemClock, () => isMoving);
  throttle.start();
  onTestFinished(() => {
    throttle.stop();
    vi.useRealTimers();
  });
});

function seconds(count: number): void {
  vi.advanceTimersByTime(count * 1_000);
}

test('without clients it goes as fast as it can, with them it begins carefully', () => {
  expect(throttle.rowsPerS).toBe(firstPace.rowsPerS);
  clients.operationsPerS = 4;
  expect(throttle.rowsPerS).toBe(0);
  clients.operationsPerS = 5;
  expect(throttle.rowsPerS).toBe(firstPace.rowsPerS);
});

test('while clients feel nothing it goes faster, and slower once they do', () => {
  seconds(10);
  isMoving = true;
  seconds(5);
  const faster = throttle.rowsPerS;
  expect(faster).toBeGreaterThan(firstPace.rowsPerS);
  clients.secondP99Ms = 100;
  seconds(5);
  expect(throttle.rowsPerS).toBeLessThan(faster);
});

test('the rate that an operator sets holds, whatever clients feel, until it is automatic again', () => {
  throttle.set({ kind: 'rows-per-s', rowsPerS: 123 });
  expect(throttle.rowsPerS).toBe(123);
  clients.operationsPerS = 0;
  expect(throttle.rowsPerS).toBe(123);
  throttle.set({ kind: 'automatic' });
  expect(throttle.rowsPerS).toBe(0);
});

test('the bound that an operator sets takes the place of what clients were used to', () => {
  seconds(10);
  isMoving = true;
  throttle.set({ kind: 'p99-ms', p99Ms: 5 });
  seconds(5);
  expect(throttle.rowsPerS).toBeLessThan(firstPace.rowsPerS);
});

test('stopped, it follows nothing any more', () => {
  throttle.stop();
  isMoving = true;
  throttle.set({ kind: 'p99-ms', p99Ms: 1 });
  seconds(30);
  expect(throttle.rowsPerS).toBe(firstPace.rowsPerS);
});
