import { expect, test } from 'vitest';
import type { Request } from '../../bench/judge/history.ts';
import { verdictOn } from '../../bench/judge/judge.ts';

type Parts = { readonly key?: number; readonly value?: number; readonly from: number; readonly to: number };

function request(kind: Request['kind'], { key = 1, value = 0, from, to }: Parts): Request {
  return { kind, key, value: BigInt(value), sentNs: BigInt(from), answeredNs: BigInt(to), outcome: 'done' };
}

const write = (parts: Parts) => request('write', parts);
const read = (parts: Parts) => request('read', parts);
const increment = (parts: Parts) => request('increment', parts);
const unanswered = (one: Request): Request => ({ ...one, outcome: 'unknown' });

const clean = { staleReads: 0, lostUpdates: 0, lostIncrements: 0, inventedValues: 0 };

test('a history that some order explains is right, also where requests overlap', () => {
  const during = [
    read({ from: 1, to: 2 }),
    write({ value: 7, from: 10, to: 20 }),
    // Sent before the second write was answered: both values are possible.
    write({ value: 8, from: 30, to: 60 }),
    read({ value: 7, from: 40, to: 50 }),
    read({ value: 8, from: 41, to: 49 }),
    // Two writes at once: either may have been the last.
    write({ value: 9, from: 70, to: 90 }),
    write({ value: 10, from: 75, to: 85 }),
  ];
  for (const last of [9, 10]) {
    const verdict = verdictOn({ during, after: [read({ value: last, from: 100, to: 101 })] });
    expect(verdict).toEqual({ ...clean, requests: during.length + 1 });
  }
});

test('a read of what was known to be overwritten when it was sent is stale', () => {
  const writes = [write({ value: 7, from: 10, to: 20 }), write({ value: 8, from: 30, to: 40 })];
  const after = [read({ value: 8, from: 100, to: 101 })];
  expect(verdictOn({ during: [...writes, read({ value: 7, from: 41, to: 50 })], after }).staleReads).toBe(1);
  expect(verdictOn({ during: [...writes, read({ value: 7, from: 39, to: 50 })], after }).staleReads).toBe(0);
  expect(verdictOn({ during: [...writes, read({ value: 0, from: 41, to: 50 })], after }).staleReads).toBe(1);
});

test('a read that goes back behind what an earlier read saw is stale, before the write is answered', () => {
  const during = [
    write({ value: 7, from: 10, to: 20 }),
    write({ value: 8, from: 30, to: 90 }),
    read({ value: 8, from: 40, to: 50 }),
    read({ value: 7, from: 51, to: 60 }),
  ];
  expect(verdictOn({ during, after: [] }).staleReads).toBe(1);
});

test('a write that took long does not hide one that was sent after it and answered before it', () => {
  const during = [
    write({ value: 7, from: 10, to: 20 }),
    write({ value: 9, from: 15, to: 60 }),
    write({ value: 8, from: 30, to: 40 }),
  ];
  expect(verdictOn({ during: [...during, read({ value: 7, from: 70, to: 71 })], after: [] }).staleReads).toBe(1);
  expect(verdictOn({ during: [...during, read({ value: 9, from: 70, to: 71 })], after: [] }).staleReads).toBe(0);
});

test('an acknowledged value that is gone at the end is a lost update, once a key', () => {
  const during = [
    write({ value: 7, from: 10, to: 20 }),
    write({ value: 8, from: 30, to: 40 }),
    write({ key: 2, value: 9, from: 10, to: 20 }),
  ];
  const after = [
    read({ value: 7, from: 100, to: 101 }),
    read({ value: 7, from: 102, to: 103 }),
    read({ key: 2, value: 0, from: 100, to: 101 }),
  ];
  expect(verdictOn({ during, after })).toEqual({ ...clean, requests: 6, lostUpdates: 2 });
});

test('a write without an answer may have been done or not, and neither is a fault', () => {
  const during = [write({ value: 7, from: 10, to: 20 }), unanswered(write({ value: 8, from: 30, to: 40 }))];
  for (const last of [7, 8]) {
    const verdict = verdictOn({ during, after: [read({ value: last, from: 100, to: 101 })] });
    expect(verdict).toEqual({ ...clean, requests: 3 });
  }
});

test('what one read has seen of an unanswered write is there from then on', () => {
  const during = [
    write({ value: 7, from: 10, to: 20 }),
    unanswered(write({ value: 8, from: 30, to: 40 })),
    read({ value: 8, from: 50, to: 60 }),
  ];
  expect(verdictOn({ during, after: [read({ value: 7, from: 100, to: 101 })] }).lostUpdates).toBe(1);
});

test('a value that nobody wrote under this key is invented', () => {
  const during = [write({ value: 7, from: 10, to: 20 }), write({ key: 2, value: 8, from: 10, to: 20 })];
  expect(verdictOn({ during, after: [read({ value: 8, from: 30, to: 31 })] }).inventedValues).toBe(1);
});

test('two increments that were told the same number are one increment lost', () => {
  const during = [1, 2, 2, 3].map((value, index) => increment({ value, from: index * 10, to: index * 10 + 5 }));
  expect(verdictOn({ during, after: [increment({ value: 4, from: 90, to: 91 })] }).lostIncrements).toBe(1);
  // The counter went back when everything was over.
  const counted = [1, 2, 3].map((value, index) => increment({ value, from: index * 10, to: index * 10 + 5 }));
  expect(verdictOn({ during: counted, after: [increment({ value: 3, from: 90, to: 91 })] }).lostIncrements).toBe(1);
  expect(verdictOn({ during: counted, after: [increment({ value: 4, from: 90, to: 91 })] }).lostIncrements).toBe(0);
});
