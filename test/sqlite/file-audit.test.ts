/** What an audit says of a file: what is there, and each thing that should not be. */

import { beforeEach, describe, expect, test } from 'vitest';
import { firstRing } from '../../src/partition/ring.ts';
import { slotOf } from '../../src/partition/slot.ts';
import { RowSum } from '../../src/rebalance/row.ts';
import { type AuditedFile, FileAudit } from '../../src/sqlite/file-audit.ts';
import { memoryTables } from '../support/memory-tables.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ring = firstRing(
  new Map([
    [1, 1],
    [2, 1],
  ]),
);
const keys = Array.from({ length: 60 }, (_, n) => `key ${n}`);
const keysOf = (shard: number) => keys.filter((key) => ring.shardOf(slotOf(Buffer.from(key))) === shard);
const [ours, others] = [keysOf(1), keysOf(2)] as [string[], string[]];
const [first, second, third] = ours as [string, string, string];

let tables: ReturnType<typeof memoryTables>;
let inTransit: Set<number>;
let counters: ReturnType<AuditedFile['counters']>;
beforeEach(() => {
  tables = memoryTables();
  inTransit = new Set();
  counters = { lsn: 9, keys: 0, bytes: 0 };
});

/** Not counted. */
function insert(text: string, { version = 1, value = Buffer.from('value'), slot = slotOf(Buffer.from(text)) } = {}) {
  const row = { version, contentType: 'a/b', value };
  tables.entries.insert(slot, Buffer.from(text), row);
  return { slot, key: Buffer.from(text), ...row };
}

function store(...texts: readonly string[]) {
  return texts.map((text) => {
    const row = insert(text);
    counters = { ...counters, keys: counters.keys + 1, bytes: counters.bytes + row.key.length + row.value.length };
    return row;
  });
}

function audit(file: Partial<AuditedFile> = {}): FileAudit {
  return new FileAudit(tables.db, {
    ...{ counters: () => counters, slotsInTransit: () => inTransit, ring, shard: 1 },
    ...file,
  });
}

function faultsFound(): readonly string[] {
  const whole = audit();
  while (whole.step(10));
  return whole.report().faults;
}

test('a sound file is what its rows come to, and has no fault', () => {
  const sum = new RowSum();
  for (const row of store(first, second, third)) sum.add(row);
  const [other, another] = others as [string, string];
  inTransit = new Set([insert(other).slot, insert(another).slot]);
  const whole = audit();
  expect([whole.step(3), whole.step(3)]).toEqual([true, false]);
  const { keys, bytes, digest } = sum;
  expect(whole.report()).toEqual({
    ...{ shard: 1, lsn: 9, keys, bytes, digest, inTransit: 2, faults: [], changedMeanwhile: false },
  });
});

describe('a fault is', () => {
  test('a row of a slot of another shard that nobody moves', () => {
    const [other, another] = others as [string, string];
    const { slot } = insert(other);
    inTransit = new Set([slotOf(Buffer.from(another))]);
    expect(faultsFound()).toEqual([`there is a row of slot ${slot}, which belongs to shard 2`]);
  });

  test('a key in a slot that is not its own', () => {
    store(first);
    const slot = slotOf(Buffer.from(second));
    tables.db.prepare('UPDATE entry SET slot = ?').run(slot);
    const key = Buffer.from(first);
    expect(faultsFound()).toEqual([`the key ${key.toString('base64url')} is in slot ${slot}, not ${slotOf(key)}`]);
  });

  test('a version above the last commit', () => {
    store(first, second);
    tables.db.prepare('UPDATE entry SET version = 8 + id').run();
    const key = Buffer.from(second).toString('base64url');
    expect(faultsFound()).toEqual([`the key ${key} has version 10, above the lsn`]);
  });

  test.each([
    ['keys', { keys: 1, bytes: 0 }],
    ['bytes', { keys: 0, bytes: 1 }],
  ])('a count of %s that is wrong', (_what, wrong) => {
    store(first);
    const { keys, bytes } = counters;
    counters = { ...counters, keys: keys + wrong.keys, bytes: bytes + wrong.bytes };
    expect(faultsFound()).toEqual([
      `the counters say ${counters.keys} keys and ${counters.bytes} bytes, but there are ${keys} and ${bytes}`,
    ]);
  });

  test('what SQLite finds in its own structure', () => {
    const whole = audit();
    whole.checkStructure(tables.db);
    expect(whole.report().faults).toEqual([]);
    tables.db.exec('PRAGMA ignore_check_constraints = ON');
    tables.db.exec("INSERT INTO transfer (move, direction, slots, keys, bytes) VALUES (1, 'sideways', '[]', 0, 0)");
    tables.db.exec('PRAGMA ignore_check_constraints = OFF');
    whole.checkStructure(tables.db);
    expect(whole.report().faults).toEqual(['SQLite: CHECK constraint failed in transfer']);
  });

  test('told of ten at most', () => {
    for (const key of others.slice(0, 12)) insert(key);
    expect(faultsFound()).toHaveLength(10);
  });
});

test('counts are not compared when writes came in between', () => {
  store(first);
  const whole = audit();
  counters = { lsn: 10, keys: 5, bytes: 50 };
  while (whole.step(10));
  expect(whole.report()).toMatchObject({ lsn: 10, keys: 1, faults: [], changedMeanwhile: true });
});

test('a step ends with the row that makes it a mebibyte', () => {
  const value = Buffer.alloc(1024 * 1024 - first.length);
  insert(first, { value });
  insert(second);
  const whole = audit();
  expect([whole.step(10), whole.report().keys]).toEqual([true, 1]);
  expect([whole.step(10), whole.report().keys]).toEqual([false, 2]);
});

test('a large value that another process deletes while a step reads is passed over', () => {
  insert(first, { value: Buffer.alloc(10_000) });
  insert(second);
  let isBegun = false;
  const whole = audit({
    counters: () => {
      if (isBegun) tables.db.prepare('DELETE FROM entry WHERE length(value) = 10000').run();
      isBegun = true;
      return counters;
    },
  });
  expect(whole.step(10)).toBe(false);
  expect(whole.report().keys).toBe(1);
});

test('a walk goes by steps, and does one later that finds the file busy', () => {
  for (let n = 0; n < 600; n++) store(`{${first}}${n}`);
  const clock = new VirtualClock();
  let turns = 0;
  const keysTold: number[] = [];
  audit().walk(
    clock,
    ({ keys }) => void keysTold.push(keys),
    (step) => (++turns === 2 ? undefined : step()),
  );
  expect([turns, keysTold]).toEqual([1, []]);
  clock.run(0);
  // 256, busy, 256, the rest.
  expect([turns, keysTold]).toEqual([4, [600]]);
  audit().walk(clock, ({ keys }) => void keysTold.push(keys));
  clock.run(0);
  expect(keysTold).toEqual([600, 600]);
});
