/** Which reads a router answers from the file of a shard, and which it leaves to the shard. */

import { expect, test } from 'vitest';
import { noOpId } from '../../src/kv/op-id.ts';
import type { ReadOperation } from '../../src/kv/operation.ts';
import type { KeyOutcome } from '../../src/kv/outcome.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { systemClock } from '../../src/ports/clock.ts';
import { DirectReads, type ReadableFile } from '../../src/routing/direct-reads.ts';
import type { Pending } from '../../src/routing/pending.ts';
import { get } from '../support/operations.ts';

const dateMs = 1_000_000;
const ring = firstRing(new Map([[1, 1]]));
const time = { toldMs: dateMs, uptimeMs: 500_000, boot: 'this' };
const owned = { epoch: ring.epoch, isGivingAway: false };
const found: KeyOutcome = { kind: 'value', version: 7, contentType: '', value: Buffer.from('found') };

/** Reads these keys in one turn. */
function readTogether(
  file: ReadableFile['read'],
  keys: readonly string[] = ['key'],
  readable: readonly number[] = [1],
) {
  const turns: (() => void)[] = [];
  const clock = {
    ...systemClock,
    dateMs: () => dateMs,
    uptimeMs: () => 500_000,
    boot: 'this',
    soon: (run: () => void) => void turns.push(run),
  };
  const settled: unknown[] = [];
  const forwarded: string[] = [];
  const closed: number[] = [];
  const reads = new DirectReads({
    clock,
    ring: () => ring,
    fileOf: (shard) => ({ read: file, close: () => void closed.push(shard) }),
    forward: ({ operation }) => void forwarded.push((operation as ReadOperation).key.toString()),
  });
  reads.readOnly(readable);
  for (const key of keys) {
    const operation = get(key) as ReadOperation;
    const settle: Pending['settle'] = (answer) => void settled.push(answer);
    const unsent = { openSends: 0, seenLsn: 0, requestId: 0, sentAtMs: 0, timing: undefined };
    reads.take({ operation, settle, frameBytes: 0, opId: noOpId, startedAtMs: 0, ...unsent });
  }
  for (const run of turns) run();
  return { settled, forwarded, closed, reads };
}

test('what the owner has by the same ring is answered, and so is that there is nothing', () => {
  const { settled, forwarded } = readTogether(
    () => ({ standing: owned, time, outcomes: [found, { kind: 'absent' }] }),
    ['there', 'not there'],
  );
  expect(settled).toEqual([found, { kind: 'absent' }]);
  expect(forwarded).toEqual([]);
});

test('all reads of a turn are one snapshot', () => {
  const asked: number[] = [];
  readTogether(
    (operations) => {
      asked.push(operations.length);
      return { standing: owned, time, outcomes: operations.map(() => found) };
    },
    ['one', 'two', 'three'],
  );
  expect(asked).toEqual([3]);
});

test.each([
  ['has an older ring', { epoch: ring.epoch - 1, isGivingAway: false }],
  ['has a newer ring', { epoch: ring.epoch + 1, isGivingAway: false }],
  ['is giving slots away', { epoch: ring.epoch, isGivingAway: true }],
])('a shard that %s is asked itself', (_what, standing) => {
  const { settled, forwarded } = readTogether(() => ({ standing, time, outcomes: [found] }));
  expect(settled).toEqual([]);
  expect(forwarded).toEqual(['key']);
});

test('a file that cannot be read costs nothing but the way to the shard', () => {
  const { settled, forwarded } = readTogether(() => undefined);
  expect([settled, forwarded]).toEqual([[], ['key']]);
});

test.each([
  ['may have expired by the clock of its shard', {}, 2_000, 'forwarded'],
  ['has not expired by any clock', {}, 2_001, 'answered'],
  ['has expired', {}, -1, 'forwarded'],
  [
    'may have expired by a clock that is an hour ahead of the machine',
    { toldMs: dateMs + 3_600_000 },
    3_602_000,
    'forwarded',
  ],
  ['expires, by a clock that was noted before the machine was started', { boot: 'another' }, 3_600_000, 'forwarded'],
])('what %s, is answered or forwarded as it should be', (_when, noted, inMs, way) => {
  const outcome = { ...found, expiresAtMs: dateMs + inMs };
  const { settled, forwarded } = readTogether(() => ({
    standing: owned,
    time: { ...time, ...noted },
    outcomes: [outcome],
  }));
  expect(settled).toEqual(way === 'answered' ? [outcome] : []);
  expect(forwarded).toEqual(way === 'answered' ? [] : ['key']);
});

test('a file that its shard has not found to be right is not read', () => {
  const { settled, forwarded } = readTogether(() => ({ standing: owned, time, outcomes: [found] }), ['key'], []);
  expect([settled, forwarded]).toEqual([[], ['key']]);
});

test('the files of shards that are no more are let go of', () => {
  const { reads, closed } = readTogether(() => ({ standing: owned, time, outcomes: [found] }));
  reads.readOnly([1, 2]);
  expect(closed).toEqual([]);
  reads.readOnly([2]);
  expect(closed).toEqual([1]);
});
