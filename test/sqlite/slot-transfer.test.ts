/** Slots that come to a file and leave it: what is counted, noted, taken back and purged, whatever becomes of the move. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginning } from '../../src/kv/feed.ts';
import type { Operation } from '../../src/kv/operation.ts';
import { packRecords, recordWindowLsn, unpackRecords } from '../../src/kv/write-record.ts';
import { ringAfter } from '../../src/partition/plan.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { slotCount } from '../../src/partition/slot.ts';
import { checkDearInvariants } from '../../src/ports/invariant.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import { type Row, type RowDelta, RowSum } from '../../src/rebalance/row.ts';
import type { SealedPart } from '../../src/rebalance/slot-storage.ts';
import { isDiskFull } from '../../src/sqlite/database.ts';
import type { ShardFile } from '../../src/sqlite/shard-file.ts';
import { StandingReader } from '../../src/sqlite/standing-table.ts';
import { fileInMemory } from '../support/file-in-memory.ts';
import { idempotencyKey } from '../support/operations.ts';

const ring = firstRing(
  new Map([
    [1, 1],
    [2, 1],
  ]),
);
/** The first ones of shard 1. */
const [one, two, staying, earlier] = Array.from({ length: slotCount }, (_, slot) => slot).filter(
  (slot) => ring.shardOf(slot) === 1,
) as [number, number, number, number];
const move = { id: 1, from: 1, to: 2, slots: [one, two] };
const ringWithMove = ringAfter(ring, [move]);
const nobody = () => false;
const unlimited = { rowsMax: 1_000, bytesMax: 1_000_000 };
const wholeLedger = { commitsMax: 1_000, bytesMax: 1_000_000 };
const noBytes = Buffer.alloc(0);

const rowOf = (slot: number, key: string, version = 1): Row => ({
  ...{ slot, key: Buffer.from(key), version, contentType: 'a/b', value: Buffer.from('value') },
});
const rows = [rowOf(one, 'a'), rowOf(one, 'b'), rowOf(two, 'c')];
const bytesOfRows = rows.reduce((sum, { key, value }) => sum + key.length + value.length, 0);

function sumOf(some: readonly Row[]): RowSum {
  const sum = new RowSum();
  for (const row of some) sum.add(row);
  return sum;
}

const record = (version: number, slot = one) => ({
  ...{ opId: Buffer.alloc(16, version), slot, shard: 1, key: Buffer.from(`key ${version}`) },
  outcome: { kind: 'created', version } as const,
});
const versionsIn = (packed: Buffer) => unpackRecords(packed).map(({ outcome }) => outcome.version);

/** All rows of the move, and nothing else that came with them. */
const wholePart: SealedPart = {
  ...{ changes: [], names: noBytes, records: noBytes, sourceLsn: 40, forgottenLsn: 0 },
  expected: sumOf(rows),
};

/** A target that has got these rows, but not the rest of the move. */
function target(stored: readonly Row[] = rows) {
  const notes: number[] = [];
  const made = fileInMemory({ mark: { note: (lsn) => void notes.push(lsn), close: () => {} } }, 2);
  made.file.transfer.openIncoming(move);
  while (!made.file.transfer.wipe(move.slots, 128));
  made.file.transfer.store(PackedRows.of(stored));
  return { ...made, transfer: made.file.transfer, notes };
}

/** A source whose clients have written these keys, some of them under a name. */
function source(keys: readonly (readonly [slot: number, key: string, name?: string])[]) {
  const made = fileInMemory();
  for (const [slot, key, name] of keys) {
    const operation: Operation = {
      ...{ kind: 'put', slot, key: Buffer.from(key), contentType: 'a/b', value: Buffer.from('value') },
      ...(name !== undefined && { idempotencyKey: idempotencyKey(name, 'asked') }),
    };
    made.file.execute([{ operation }]);
  }
  return { ...made, transfer: made.file.transfer };
}

const keysIn = (file: ShardFile) => file.list(everything, () => true).entries.map(({ key }) => key.toString());
const everything = {
  ...{ prefix: noBytes, after: undefined, delimiter: undefined, limit: 1_000, values: false, reverse: false },
};
const inTransit = (file: ShardFile) => [...file.transfer.slotsInTransit()];

function purgeAll({ transfer }: ShardFile): void {
  while (transfer.purgeStep({ rowsMax: 1, pagesMax: 1_000 }));
}

test('slots that come are counted when the ring says that they have come, and once', () => {
  const { file, transfer, opened } = target();
  expect(transfer.seal(move, wholePart)).toBe(true);
  expect([file.counters.keys, inTransit(file)]).toEqual([0, move.slots]);
  expect(transfer.settle(ringWithMove, 2, () => true)).toEqual([1]);
  expect([file.counters.keys, file.counters.bytes, inTransit(file)]).toEqual([3, bytesOfRows, []]);
  expect(transfer.settle(ringWithMove, 2, nobody)).toEqual([]);
  expect([file.counters.keys, opened().counters]).toEqual([3, file.counters]);
});

test('what comes has a version below every write that follows it', () => {
  const { file, transfer } = target();
  transfer.carry(move, packRecords([record(70)]), 70);
  expect(file.lsn).toBeGreaterThan(70);
  transfer.seal(move, { ...wholePart, sourceLsn: 90 });
  expect(transfer.lsn).toBeGreaterThan(90);
  transfer.settle(ringWithMove, 2, nobody);
  const operation: Operation = { kind: 'delete', slot: one, key: Buffer.from('a') };
  expect(file.execute([{ operation }])).toEqual([{ kind: 'deleted', version: file.lsn }]);
});

test('slots that have left are uncounted at once, and deleted by steps of so many rows and names', () => {
  const { file, transfer, disk } = source([
    [one, 'a', 'name of a'],
    [one, 'b'],
    [two, 'c', 'name of c'],
    [staying, 'd', 'name of d'],
  ]);
  expect(transfer.openOutgoing(move).keys).toBe(3);
  expect([file.counters.keys, inTransit(file)]).toEqual([4, move.slots]);
  expect(transfer.settle(ringWithMove, 1, nobody)).toEqual([1]);
  expect([file.counters.keys, file.counters.bytes, inTransit(file)]).toEqual([1, 1 + 5, move.slots]);
  const left = () =>
    ['entry', 'idempotency'].map((table) => disk.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  const steps: unknown[] = [];
  while (inTransit(file).length > 0) {
    expect(transfer.purgeStep({ rowsMax: 2, pagesMax: 1 })).toBe(true);
    steps.push(left());
  }
  expect(steps).toEqual([
    [2, 3],
    [1, 2],
    [1, 1],
  ]);
  expect(keysIn(file)).toEqual(['d']);
});

test('while a move goes on, a ring that does not have it changes nothing; when nobody takes part, it is off', () => {
  const coming = target().file;
  coming.transfer.seal(move, wholePart);
  const leaving = source([[one, 'a']]).file;
  leaving.transfer.openOutgoing(move);
  for (const [file, shard] of [
    [coming, 2],
    [leaving, 1],
  ] as const) {
    expect(file.transfer.settle(ring, shard, (id) => id === move.id)).toEqual([]);
    purgeAll(file);
    expect(inTransit(file)).toEqual(move.slots);
    expect(file.transfer.settle(ring, shard, nobody)).toEqual([]);
    purgeAll(file);
    expect(inTransit(file)).toEqual([]);
  }
  expect([keysIn(coming), coming.counters.keys]).toEqual([[], 0]);
  expect([keysIn(leaving), leaving.counters.keys]).toEqual([['a'], 1]);
});

test('slots of one move come or leave together', () => {
  const { file } = target();
  const part = ringAfter(ring, [{ ...move, slots: [one] }]);
  expect(() => file.transfer.settle(part, 2, nobody)).toThrow('some are');
});

test('a move that is forgotten leaves nothing: its rows are purged where they came, and stay where they were', () => {
  const coming = target().file;
  const leaving = source([[one, 'a']]).file;
  leaving.transfer.openOutgoing(move);
  for (const file of [coming, leaving]) {
    file.transfer.forget(2);
    expect(inTransit(file)).toEqual(move.slots);
    file.transfer.forget(move.id);
    purgeAll(file);
    expect(inTransit(file)).toEqual([]);
  }
  expect([keysIn(coming), keysIn(leaving)]).toEqual([[], ['a']]);
});

test('slots that come again keep their rows when what an earlier move left of others is purged', () => {
  const { file, transfer } = target();
  transfer.forget(move.id);
  const again = { ...move, id: 2, slots: [one] };
  transfer.openIncoming(again);
  while (!transfer.wipe(again.slots, 128));
  transfer.store(PackedRows.of([rowOf(one, 'anew')]));
  purgeAll(file);
  expect(keysIn(file)).toEqual(['anew']);
  expect(transfer.seal(again, { ...wholePart, expected: sumOf([rowOf(one, 'anew')]) })).toBe(true);
  expect(transfer.settle(ringAfter(ring, [again]), 2, nobody)).toEqual([2]);
  expect([file.counters.keys, inTransit(file)]).toEqual([1, []]);
});

test.each<[end: string, (file: ShardFile) => void]>([
  ['the move is forgotten', ({ transfer }) => transfer.forget(move.id)],
  ['its slots come anew', ({ transfer }) => transfer.openIncoming({ ...move, id: 2 })],
  ['nobody takes part in it', ({ transfer }) => void transfer.settle(ring, 2, nobody)],
])('records that came with slots are taken back when %s', (_end, endMove) => {
  const { file, transfer } = target();
  transfer.carry(move, packRecords([record(5)]), 5);
  transfer.carry(move, packRecords([record(6)]), 6);
  const known = () => versionsIn(transfer.ledgerSince(move.slots, 0, wholeLedger).results);
  expect(known()).toEqual([5, 6]);
  endMove(file);
  expect(known()).toEqual([]);
});

test('the feed has the records that came with slots, in order and once they have come', () => {
  const { file, transfer } = target();
  transfer.carry(move, packRecords([record(5), record(6)]), 6);
  transfer.seal(move, { ...wholePart, records: packRecords([record(7)]), forgottenLsn: 3 });
  const feed = (after = beginning) => {
    const found = file.feed(after, 100).rows.filter(({ records }) => records.length > 0);
    return found.map(({ lsn, arrival, records }) => ({ lsn, arrival, versions: versionsIn(records) }));
  };
  expect(feed()).toEqual([]);
  transfer.settle(ringWithMove, 2, nobody);
  const { lsn } = file;
  const arrival = { kind: 'arrived', from: 1, sourceLsn: 40, forgottenLsn: 3 };
  expect(feed()).toEqual([{ lsn, arrival: { ...arrival, recordsBefore: 0, isLast: false }, versions: [5, 6] }]);
  expect(feed({ lsn: lsn - 1, carried: 2 })).toEqual([
    { lsn, arrival: { ...arrival, recordsBefore: 2, isLast: true }, versions: [7] },
  ]);
});

test('what does not come to the sum of the source is not done at all, and may be tried again', () => {
  const names = packRecords([{ ...record(9), idempotency: { fingerprint: Buffer.alloc(8), atMs: Date.now() } }]);
  const { file, transfer } = target();
  expect(transfer.sumSome(move.slots, unlimited)).toBe(0);
  const before = file.lsn;
  const changes = [rowOf(two, 'too much')];
  expect(transfer.seal(move, { ...wholePart, changes, names, forgottenLsn: 30 })).toBe(false);
  expect([file.lsn, transfer.forgottenLsn, keysIn(file)]).toEqual([before, 0, ['a', 'b', 'c']]);
  expect(transfer.nameOf(one, record(9).opId)).toBeUndefined();
  expect(transfer.seal(move, { ...wholePart, names, forgottenLsn: 30 })).toBe(true);
  expect(transfer.nameOf(one, record(9).opId)).toEqual(names);
  expect(transfer.forgottenLsn).toBe(30);
});

test('changes that come after the rows were summed are in the sum', () => {
  const { transfer } = target();
  expect(transfer.sumSome(move.slots, unlimited)).toBe(0);
  const changed = rowOf(one, 'a', 2);
  const changes: RowDelta[] = [changed, { slot: two, key: Buffer.from('c') }];
  transfer.apply(changes);
  const added = rowOf(two, 'd');
  const expected = sumOf([changed, rowOf(one, 'b'), added]);
  expect(transfer.seal(move, { ...wholePart, changes: [added], expected })).toBe(true);
});

test('what was stored into wiped slots need not be read again to be summed', () => {
  const { transfer } = target(Array.from({ length: 200 }, (_, n) => rowOf(one, `key ${n}`)));
  expect(transfer.sumSome(move.slots, { ...unlimited, rowsMax: 20 })).toBe(0);
});

test('a wipe deletes rows and names together by steps, and says when none is left', () => {
  const { transfer, disk } = source([
    [one, 'a', 'name of a'],
    [one, 'b', 'name of b'],
    [two, 'c'],
    [staying, 'd', 'name of d'],
  ]);
  expect([1, 2, 3].map(() => transfer.wipe(move.slots, 2))).toEqual([false, false, true]);
  const left = ['entry', 'idempotency'].map((table) => disk.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  expect(left).toEqual([1, 1]);
});

test('names come with their slots: the write that has one is not done again', () => {
  const from = source([[one, 'a', 'name']]).transfer;
  const { file, transfer } = target();
  transfer.keepNames(from.names(move.slots, undefined, unlimited).names);
  transfer.seal(move, wholePart);
  transfer.settle(ringWithMove, 2, nobody);
  const operation: Operation = {
    ...{ kind: 'put', slot: one, key: Buffer.from('a'), contentType: 'a/b', value: Buffer.from('value') },
    idempotencyKey: idempotencyKey('name', 'asked'),
  };
  expect(file.execute([{ operation }])).toEqual([{ kind: 'created', version: 1 }]);
  expect(from.nameOf(one, operation.idempotencyKey?.opId as Buffer)).toBeDefined();
});

test('records that come with slots bring their names', () => {
  const { transfer } = target();
  const named = packRecords([{ ...record(9), idempotency: { fingerprint: Buffer.alloc(8), atMs: 5 } }]);
  transfer.carry(move, Buffer.concat([packRecords([record(8)]), named]), 9);
  expect([record(8), record(9)].map(({ opId }) => transfer.nameOf(one, opId))).toEqual([undefined, named]);
});

test('a key of a slot that is copied is given as it is now', () => {
  const { file, transfer } = source([[one, 'a']]);
  const key = Buffer.from('a');
  expect(transfer.deltaOf(one, key)).toEqual(rowOf(one, 'a'));
  file.execute([{ operation: { kind: 'delete', slot: one, key } }]);
  expect(transfer.deltaOf(one, key)).toEqual({ slot: one, key });
});

test('what brings nothing costs no commit', () => {
  const { transfer, notes } = target();
  notes.length = 0;
  transfer.store(PackedRows.of([]));
  transfer.apply([]);
  transfer.keepNames(noBytes);
  expect(notes).toEqual([]);
});

test('results of writes are carried from the window before the last one on', () => {
  const { transfer } = target();
  expect(transfer.forgottenLsn).toBe(0);
  transfer.carry(move, noBytes, recordWindowLsn + 10);
  expect(transfer.forgottenLsn).toBe(11);
});

test('on a full disk, what has come or left is counted before it can be noted, and noted once there is room', () => {
  const coming = target();
  coming.transfer.seal(move, wholePart);
  const leaving = source([
    [one, 'a'],
    [staying, 'd'],
    [earlier, 'e'],
  ]);
  // What has left before, and is not purged yet, is not counted again.
  const before = { ...move, id: 0, slots: [earlier] };
  leaving.transfer.openOutgoing(before);
  const ringBefore = ringAfter(ring, [before]);
  leaving.transfer.settle(ringBefore, 1, nobody);
  leaving.transfer.openOutgoing(move);
  const next = ringAfter(ringBefore, [move]);
  for (const [{ file, disk, opened }, shard, now, noted] of [
    [coming, 2, [3, bytesOfRows], [0, 0]],
    [leaving, 1, [1, 6], [2, 12]],
  ] as const) {
    const counted = ({ counters: { keys, bytes } }: ShardFile) => [keys, bytes];
    disk.setFull(true);
    expect(diskIsFullFor(() => file.transfer.settle(next, shard, nobody))).toBe(true);
    expect([counted(file), counted(opened())]).toEqual([now, noted]);
    disk.setFull(false);
    expect(file.transfer.settle(next, shard, nobody)).toEqual([move.id]);
    expect([counted(file), counted(opened())]).toEqual([now, now]);
    const { standing } = new StandingReader(disk).read({ service: 'test', shard }) ?? {};
    expect(standing).toEqual({ epoch: next.epoch, isGivingAway: false });
  }
});

function diskIsFullFor(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    return isDiskFull(error);
  }
}

test('a full disk stops the end of a move, which is not taken for a difference of rows', () => {
  const { transfer, disk } = target();
  disk.setFull(true);
  expect(() => transfer.seal(move, wholePart)).toThrow('full');
  disk.setFull(false);
  expect(transfer.seal(move, wholePart)).toBe(true);
});

test('beside clients, rows that move are checkpointed in smaller parts', () => {
  const { transfer, disk } = target();
  const pagesOf = (isSo: boolean) => {
    transfer.isMovingBesideClients = isSo;
    return disk.setting('wal_autocheckpoint');
  };
  expect([pagesOf(true), pagesOf(false)]).toEqual([1_000, 4_000]);
});

describe('in the simulator, once nothing is in transit, what is counted is what is there', () => {
  beforeEach(() => checkDearInvariants());
  afterEach(() => checkDearInvariants(false));

  test.each([
    ['a row too few', "DELETE FROM entry WHERE key = x'61'"],
    ['a value too long', "UPDATE entry SET value = zeroblob(9) WHERE key = x'61'"],
    [
      'two rows for one',
      "DELETE FROM entry WHERE key = x'61'; UPDATE entry SET value = zeroblob(11) WHERE key = x'62'",
    ],
  ])('when slots have come, or have been purged: not %s', (_what, sql) => {
    const coming = target();
    coming.transfer.seal(move, wholePart);
    coming.disk.exec(sql);
    expect(() => coming.transfer.settle(ringWithMove, 2, nobody)).toThrow('what the file counts');
    const leaving = source([
      [one, 'c'],
      [staying, 'a'],
      [staying, 'b'],
    ]);
    leaving.transfer.openOutgoing(move);
    expect(leaving.transfer.settle(ringWithMove, 1, nobody)).toEqual([move.id]);
    leaving.disk.exec(sql);
    expect(() => purgeAll(leaving.file)).toThrow('what the file counts');
  });

  test('and it is, whatever still comes or goes', () => {
    const { file, transfer } = target();
    transfer.seal(move, wholePart);
    const other = { ...move, id: 2, slots: [staying] };
    transfer.openIncoming(other);
    transfer.store(PackedRows.of([rowOf(staying, 'd')]));
    transfer.settle(ringWithMove, 2, (id) => id === other.id);
    transfer.forget(other.id);
    purgeAll(file);
    expect(file.counters.keys).toBe(3);
  });
});
