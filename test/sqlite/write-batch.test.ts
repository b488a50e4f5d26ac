/** One batch of operations over its tables: what each comes to, what is counted, and what the ledger keeps of it. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { KeyOperation, Operation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import { unpackRecords } from '../../src/kv/write-record.ts';
import { slotOf } from '../../src/partition/slot.ts';
import type { FileCounters } from '../../src/sqlite/file-counters.ts';
import { WriteBatch } from '../../src/sqlite/write-batch.ts';
import { memoryTables } from '../support/memory-tables.ts';
import { atomic, get, head, idempotencyKey, increment, put, remove } from '../support/operations.ts';

const shard = 5;
let tables: ReturnType<typeof memoryTables>;
let counters: FileCounters;
let nowMs: number;
beforeEach(() => {
  tables = memoryTables();
  counters = { lsn: 10, keys: 0, bytes: 0 };
  nowMs = 1_000;
});

function newBatch(beforeWrite: (slot: number, key: Buffer) => void = () => {}): WriteBatch {
  return new WriteBatch({ ...tables, watch: { beforeWrite }, shard, nowMs }, counters);
}

type Sent = { readonly opId?: Buffer; readonly resent?: boolean; readonly seenLsn?: number };

/** Carries the operations out as one batch, each under the op id that is given. */
function run(operations: readonly Operation[], { opId, resent = false, seenLsn = 0 }: Sent = {}): Outcome[] {
  const batch = newBatch();
  const outcomes = operations.map((operation) =>
    batch.answer(opId === undefined ? { operation } : { operation, resend: { opId, resent, seenLsn } }),
  );
  batch.end();
  counters = batch.counters;
  return outcomes;
}

function lastRecords() {
  const [row] = tables.ledger.feed({ lsn: counters.lsn - 1, carried: 0 }, 1);
  return row === undefined ? [] : unpackRecords(row.records);
}

const opId = (text: string) => Buffer.from(text.padEnd(16, '.'));

describe('writes', () => {
  test('see those before them, rise in version and are counted by their keys and bytes', () => {
    const outcomes = run([put('key', '12345'), get('key'), put('key', '1'), head('key'), remove('key'), get('key')]);
    expect(outcomes).toMatchObject([
      { kind: 'created', version: 11 },
      { kind: 'value', version: 11, value: Buffer.from('12345') },
      { kind: 'replaced', version: 12 },
      { kind: 'metadata', version: 12, valueBytes: 1 },
      { kind: 'deleted', version: 13 },
      { kind: 'absent' },
    ]);
    expect(counters).toEqual({ lsn: 13, keys: 0, bytes: 0 });
    run([put('a', '123'), put('bb', '4')]);
    expect(counters).toEqual({ lsn: 15, keys: 2, bytes: 7 });
    run([put('a', '12345'), remove('never there')]);
    expect(counters).toEqual({ lsn: 17, keys: 2, bytes: 9 });
  });

  test('leave one ledger row with a record of each, and no row when there was none', () => {
    run([put('a', '1'), increment('n', 3)], { opId: opId('one') });
    expect(lastRecords()).toEqual([
      expect.objectContaining({
        opId: opId('one'),
        shard,
        key: Buffer.from('a'),
        outcome: { kind: 'created', version: 11 },
      }),
      expect.objectContaining({ opId: opId('one'), shard, outcome: { kind: 'counted', version: 12, number: 3n } }),
    ]);
    const { lsn } = counters;
    run([get('a'), put('a', '2', '', { condition: { ifMatch: [1] } })]);
    expect(counters.lsn).toBe(lsn);
    expect(tables.ledger.feed({ lsn: lsn, carried: 0 }, 9)).toEqual([]);
  });

  test('tell of each key that they are about to write, and of no other', () => {
    const told: string[] = [];
    const batch = newBatch((_slot, key) =>
      told.push(`${key} ${tables.entries.find(slotOf(key), key)?.version ?? '-'}`),
    );
    const missed = put('d', '1', '', { condition: { ifMatch: '*' } });
    for (const operation of [put('a', '1'), get('c'), missed, put('a', '2'), remove('a')]) batch.answer({ operation });
    expect(told).toEqual(['a -', 'a 11', 'a 12']);
  });

  test('get a version above what their writer has seen anywhere', () => {
    expect(run([put('key', '1')], { opId: opId('one'), seenLsn: 99 })).toEqual([{ kind: 'created', version: 100 }]);
    expect(run([put('key', '2')], { opId: opId('two'), seenLsn: 5 })).toEqual([{ kind: 'replaced', version: 101 }]);
  });

  test('whose precondition fails tell the version that is there, and change nothing', () => {
    run([put('key', '1')]);
    expect(run([put('key', '2', '', { condition: { ifNoneMatch: '*' } })])).toEqual([
      { kind: 'precondition-failed', version: 11 },
    ]);
    expect(run([remove('other', { condition: { ifMatch: '*' } })])).toEqual([
      { kind: 'precondition-failed', version: 0 },
    ]);
    expect(counters).toEqual({ lsn: 11, keys: 1, bytes: 4 });
  });
});

describe('counters', () => {
  test.each<[string | undefined, bigint, Outcome]>([
    [undefined, 5n, { kind: 'counted', version: 12, number: 5n }],
    ['0', -1n, { kind: 'counted', version: 12, number: -1n }],
    ['-17', 2n, { kind: 'counted', version: 12, number: -15n }],
    ['9223372036854775806', 1n, { kind: 'counted', version: 12, number: 9_223_372_036_854_775_807n }],
    ['-9223372036854775808', 0n, { kind: 'counted', version: 12, number: -9_223_372_036_854_775_808n }],
  ])('%s and %s', (before, by, outcome) => {
    run([before === undefined ? remove('n') : put('n', before)]);
    expect(run([increment('n', by)])).toEqual([outcome]);
    expect(run([get('n')])).toMatchObject([{ contentType: 'text/plain' }]);
  });

  test.each([
    '',
    'x',
    '01',
    '+1',
    '-0',
    '1.0',
    ' 1',
    '1 ',
    '9223372036854775808',
    '-9223372036854775809',
    '1'.repeat(21),
  ])('do not count from %j', (text) => {
    run([put('n', text)]);
    expect(run([increment('n', 1)])).toMatchObject([{ kind: 'failed', code: 'counter-not-a-number' }]);
  });

  test('that would leave 64 bits are refused', () => {
    run([put('n', '9223372036854775807'), put('m', '-9223372036854775808')]);
    expect(run([increment('n', 1), increment('m', -1)])).toMatchObject([
      { code: 'counter-overflow', detail: '9223372036854775807 plus 1 does not fit into 64 bits.' },
      { code: 'counter-overflow' },
    ]);
    expect(counters.lsn).toBe(12);
  });

  test('keep the type and the expiry of what they count on', () => {
    run([put('n', '1', 'a/b', { expiresAtMs: 5_000 })]);
    expect(run([increment('n', 1), get('n')])[1]).toMatchObject({
      contentType: 'a/b',
      expiresAtMs: 5_000,
      value: Buffer.from('2'),
    });
  });
});

describe('what has expired', () => {
  beforeEach(() => {
    run([put('key', 'value', 'a/b', { expiresAtMs: 2_000 })]);
  });

  test('is there to its last millisecond', () => {
    nowMs = 1_999;
    expect(run([get('key'), head('key')])).toMatchObject([{ kind: 'value' }, { kind: 'metadata' }]);
    nowMs = 2_000;
    expect(run([get('key'), head('key')])).toEqual([{ kind: 'absent' }, { kind: 'absent' }]);
  });

  test('is recorded before the write that replaces it, which creates', () => {
    nowMs = 2_000;
    expect(run([put('key', 'v', '', { condition: { ifNoneMatch: '*' } })])).toEqual([{ kind: 'created', version: 13 }]);
    expect(lastRecords().map(({ outcome }) => outcome)).toEqual([
      { kind: 'expired', version: 12 },
      { kind: 'created', version: 13 },
    ]);
    expect(counters).toEqual({ lsn: 13, keys: 1, bytes: 4 });
  });

  test('counts as nothing for a counter, and is gone after a delete', () => {
    run([put('n', '5', '', { expiresAtMs: 1_500 })]);
    nowMs = 3_000;
    expect(run([increment('n', 1), remove('key')])).toMatchObject([
      { kind: 'counted', number: 1n },
      { kind: 'deleted' },
    ]);
    expect(counters).toMatchObject({ keys: 1, bytes: 2 });
  });

  test('is swept, uncounted and recorded', () => {
    const [expired] = tables.entries.expired({ expiresAtMs: 0, id: 0 }, 2_000, 10);
    const batch = newBatch();
    if (expired !== undefined) batch.sweep(expired);
    batch.end();
    expect(batch.counters).toEqual({ lsn: 12, keys: 0, bytes: 0 });
    counters = batch.counters;
    expect(lastRecords()).toMatchObject([{ key: Buffer.from('key'), outcome: { kind: 'expired', version: 12 } }]);
    expect(run([get('key')])).toEqual([{ kind: 'absent' }]);
  });
});

describe('an atomic batch', () => {
  const inOneSlot = (text: string) => `{slot}${text}`;

  test('does all, under op ids that count on', () => {
    const operation = atomic(put(inOneSlot('a'), '1'), get(inOneSlot('a')), increment(inOneSlot('n'), 2));
    const [outcome] = run([operation], { opId: Buffer.alloc(16) });
    expect(outcome).toMatchObject({
      kind: 'batch',
      outcomes: [{ kind: 'created' }, { kind: 'value' }, { kind: 'counted', number: 2n }],
    });
    expect(lastRecords().map((record) => record.opId[8])).toEqual([0, 2]);
  });

  test('does nothing when one is refused, and says which; what came before it in the turn stays', () => {
    run([put(inOneSlot('text'), 'x')]);
    const operations: KeyOperation[] = [
      put(inOneSlot('a'), '1', '', { idempotencyKey: idempotencyKey('name', 'a') }),
      increment(inOneSlot('text'), 1),
      put(inOneSlot('b'), '1', '', { condition: { ifMatch: '*' } }),
      get(inOneSlot('a')),
    ];
    const [before, refused, after] = run([put('before', '1'), atomic(...operations), get(inOneSlot('a'))]);
    expect(before).toMatchObject({ kind: 'created' });
    expect(refused).toMatchObject({
      outcomes: [
        { kind: 'failed', code: 'batch-refused' },
        { kind: 'failed', code: 'counter-not-a-number' },
        { kind: 'precondition-failed', version: 0 },
        { kind: 'failed', code: 'batch-refused' },
      ],
    });
    expect(after).toEqual({ kind: 'absent' });
    expect(counters).toEqual({ lsn: 12, keys: 2, bytes: 10 + 1 + 7 });
    expect(lastRecords()).toHaveLength(1);
    expect(tables.idempotency.find(operations[0]?.slot ?? 0, idempotencyKey('name', 'a').opId)).toBeUndefined();
  });

  test('reads at most so many bytes', () => {
    const large = Buffer.alloc(8 * 1024 * 1024);
    run([put(inOneSlot('a'), large), put(inOneSlot('b'), large), put(inOneSlot('c'), '1')]);
    const fitting = run([atomic(get(inOneSlot('a')), get(inOneSlot('b')), head(inOneSlot('c')))]);
    expect(fitting).toMatchObject([{ outcomes: [{ kind: 'value' }, { kind: 'value' }, { kind: 'metadata' }] }]);
    const [tooMuch] = run([atomic(get(inOneSlot('a')), get(inOneSlot('b')), get(inOneSlot('c')))]);
    expect(tooMuch).toMatchObject({ outcomes: [{}, {}, { kind: 'failed', code: 'batch-too-large' }] });
  });

  test('sent again answers its writes as before, and its reads not at all', () => {
    const operation = atomic(put(inOneSlot('a'), '1'), get(inOneSlot('a')));
    run([operation], { opId: opId('batch') });
    run([remove(inOneSlot('a'))]);
    const { lsn } = counters;
    expect(run([operation], { opId: opId('batch'), resent: true })).toMatchObject([
      {
        outcomes: [
          { kind: 'created', version: 11 },
          { kind: 'failed', code: 'outcome-unknown' },
        ],
      },
    ]);
    expect(counters.lsn).toBe(lsn);
  });
});

describe('a write that is sent again', () => {
  test('is answered as before, and applied when it never was', () => {
    run([put('key', '1')], { opId: opId('one') });
    expect(run([put('key', '1')], { opId: opId('one'), resent: true })).toEqual([{ kind: 'created', version: 11 }]);
    expect(run([put('key', '2')], { opId: opId('two'), resent: true })).toEqual([{ kind: 'replaced', version: 12 }]);
  });

  test('from before what the ledger keeps is unknown, not applied', () => {
    tables.ledger.forgetUpTo(8);
    const late = run([put('key', '1')], { opId: opId('one'), resent: true, seenLsn: 7 });
    expect(late).toMatchObject([{ kind: 'failed', code: 'outcome-unknown' }]);
    const inTime = run([put('key', '1')], { opId: opId('one'), resent: true, seenLsn: 8 });
    expect(inTime).toMatchObject([{ kind: 'created' }]);
  });

  test('by its idempotency key is answered as before, whoever sends it, for the same request only', () => {
    const write = (asked: string) => put('key', '1', '', { idempotencyKey: idempotencyKey('name', asked) });
    expect(run([write('this'), write('this'), write('that')])).toMatchObject([
      { kind: 'created', version: 11 },
      { kind: 'created', version: 11 },
      { kind: 'failed', code: 'idempotency-key-reused' },
    ]);
    expect(run([write('this'), write('that')])).toMatchObject([
      { kind: 'created', version: 11 },
      { kind: 'failed', code: 'idempotency-key-reused' },
    ]);
    expect(counters.lsn).toBe(11);
    expect(tables.idempotency.find(write('').slot, idempotencyKey('name', '').opId)).toMatchObject({
      idempotency: { fingerprint: idempotencyKey('', 'this').fingerprint, atMs: 1_000 },
    });
  });
});

describe('without room on the disk', () => {
  const withoutRoom = (operation: Operation, sent?: Sent) => {
    const batch = newBatch();
    const { opId: id, resent = false, seenLsn = 0 } = sent ?? {};
    return batch.answerWithoutRoom(
      id === undefined ? { operation } : { operation, resend: { opId: id, resent, seenLsn } },
    );
  };

  test('writes say so, reads are answered', () => {
    run([put('{s}key', '1')]);
    expect(withoutRoom(put('{s}key', '2'))).toMatchObject({ kind: 'failed', code: 'disk-full' });
    expect(withoutRoom(get('{s}key'))).toMatchObject({ kind: 'value', version: 11 });
    expect(withoutRoom(atomic(put('{s}key', '2'), get('{s}key')))).toMatchObject({
      outcomes: [{ code: 'disk-full' }, { kind: 'value' }],
    });
  });

  test('what was applied before and is only sent again says what it had come to', () => {
    run([atomic(put('{s}a', '1'), put('{s}b', '1'))], { opId: opId('batch') });
    const again = atomic(put('{s}a', '1'), put('{s}b', '1'), get('{s}a'));
    expect(withoutRoom(again, { opId: opId('batch'), resent: true })).toMatchObject({
      outcomes: [{ kind: 'created', version: 11 }, { kind: 'created', version: 12 }, { code: 'outcome-unknown' }],
    });
    run([put('c', '1')], { opId: opId('c') });
    expect(withoutRoom(put('c', '1'), { opId: opId('c'), resent: true })).toEqual({ kind: 'created', version: 13 });
  });
});
