/** How many slots move at once: as many as clients can wait for, and never none. */

import { expect, test } from 'vitest';
import { BatchSize, type Giver } from '../../src/rebalance/batch-size.ts';

/** A thousand slots of a hundred rows of 100 bytes. */
const giver: Giver = { isIdle: false, slots: 1_000, keys: 100_000, bytes: 10_000_000 };

function sizeAfter(freezesMs: readonly number[]): BatchSize {
  const size = new BatchSize();
  for (const durationMs of freezesMs) size.froze(durationMs);
  return size;
}

test('the first batch is of some four thousand rows', () => {
  expect(new BatchSize().slotsOf(giver)).toBe(40);
});

test('long freezes make batches smaller, short ones larger, and those in between leave them', () => {
  expect(sizeAfter([16]).slotsOf(giver)).toBe(28);
  expect(sizeAfter([5]).slotsOf(giver)).toBe(52);
  expect(sizeAfter([6, 10, 15]).slotsOf(giver)).toBe(40);
});

test('however long or short freezes are, a batch stays between two and sixteen thousand rows', () => {
  expect(sizeAfter(Array(20).fill(1_000)).slotsOf(giver)).toBe(20);
  expect(sizeAfter(Array(20).fill(0)).slotsOf({ ...giver, bytes: 0 })).toBe(160);
});

test('large rows are limited by their bytes', () => {
  expect(new BatchSize().slotsOf({ ...giver, bytes: 1_000 * 1024 * 1024 })).toBe(4);
});

test('a slot too large for a batch still moves, alone', () => {
  expect(new BatchSize().slotsOf({ ...giver, keys: 1e9 })).toBe(1);
  expect(new BatchSize().slotsOf({ ...giver, bytes: 1e12 })).toBe(1);
});

test('empty slots move all at once', () => {
  expect(new BatchSize().slotsOf({ ...giver, keys: 0, bytes: 0 })).toBeGreaterThanOrEqual(giver.slots);
});

test('without clients a batch is what is copied in a second, whatever froze before', () => {
  expect(sizeAfter([1_000]).slotsOf({ ...giver, slots: 16_384, keys: 16_384_00, bytes: 0, isIdle: true })).toBe(2_000);
  expect(new BatchSize().slotsOf({ ...giver, keys: 0, bytes: 1_000 * 1024 * 1024, isIdle: true })).toBe(64);
});
