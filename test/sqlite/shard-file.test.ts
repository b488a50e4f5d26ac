/** One shard's file: what a batch commits, what a full disk refuses, and what is taken back when a commit fails. */

import { copyFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { beginning } from '../../src/kv/feed.ts';
import { idempotencyKeptMs } from '../../src/kv/idempotency-key.ts';
import type { Operation } from '../../src/kv/operation.ts';
import type { MetricName } from '../../src/metrics/metric-table.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import type { DiskReserve } from '../../src/sqlite/disk-reserve.ts';
import { ShardFile, type ShardFileOptions } from '../../src/sqlite/shard-file.ts';
import { fileInMemory } from '../support/file-in-memory.ts';
import { get, idempotencyKey, listQuery, put, remove } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const identity = { service: 'test', shard: 1 };
const everybody = () => true;

/** A file that writes down each commit, and whether its mark was closed. */
function noted(options: ShardFileOptions = {}) {
  const notes: (number | 'closed')[] = [];
  const mark = { note: (lsn: number) => void notes.push(lsn), close: () => void notes.push('closed') };
  return { ...fileInMemory({ mark, ...options }), notes };
}

const execute = (file: ShardFile, ...operations: Operation[]) =>
  file
    .execute(operations.map((operation) => ({ operation })))
    .map((outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind));
const keysIn = (file: ShardFile) => file.list(listQuery(), everybody).entries.map(({ key }) => key.toString());

/** A metric's value, or how often it was counted and what that came to. */
function measured(file: ShardFile, name: MetricName): unknown {
  const measure = file.measures().find((one) => one.name === name);
  if (measure === undefined) throw new Error(`${name} is not measured`);
  return 'value' in measure ? measure.value : [measure.counts.at(-1), measure.sum];
}

describe('a batch', () => {
  test('that only reads commits nothing, and one that writes is one commit', () => {
    const { file, notes } = noted();
    expect(execute(file, get('a'))).toEqual(['absent']);
    expect(notes).toEqual([]);
    expect(execute(file, put('a', '1'), get('a'), put('b', '2'))).toEqual(['created', 'value', 'created']);
    expect(notes).toEqual([2]);
    expect(measured(file, 'shardlite_commit_writes')).toEqual([1, 2]);
    // All of whose writes are refused.
    expect(execute(file, put('a', '1', '', { condition: { ifNoneMatch: '*' } }))).toEqual(['precondition-failed']);
    expect(measured(file, 'shardlite_commit_writes')).toEqual([1, 2]);
    expect([file.counters, file.lsn]).toEqual([{ lsn: 2, keys: 2, bytes: 4 }, 2]);
    const counts = (['shardlite_batch_duration_seconds', 'shardlite_commit_duration_seconds'] as const).map(
      (name) => (measured(file, name) as number[])[0],
    );
    expect(counts).toEqual([3, 2]);
  });

  test('whose commit fails has not happened: neither in the file, nor in what is counted, nor in the next versions', () => {
    const { file, disk, opened, notes } = noted();
    execute(file, put('a', '1'));
    const commit = disk.commit.bind(disk);
    disk.commit = () => {
      throw new Error('the sync failed');
    };
    expect(() => execute(file, put('b', '2'), remove('a'))).toThrow('the sync failed');
    disk.commit = commit;
    expect([file.counters, keysIn(file), notes]).toEqual([{ lsn: 1, keys: 1, bytes: 2 }, ['a'], [1]]);
    expect(file.execute([{ operation: put('b', '2') }])).toEqual([{ kind: 'created', version: 2 }]);
    expect(opened().counters).toEqual({ lsn: 2, keys: 2, bytes: 4 });
  });
});

test('a listing has what may be seen, as of now', () => {
  const clock = new VirtualClock();
  const { file } = fileInMemory({ clock });
  const hidden = put('hidden', '1');
  execute(file, put('a', '1'), hidden, put('passing', '1', '', { ttlMs: 10 }));
  clock.pass(10);
  const { entries } = file.list(listQuery(), (slot) => slot !== hidden.slot);
  expect(entries.map(({ key }) => key.toString())).toEqual(['a']);
});

test('a listing that takes long ends with what it has found', () => {
  let nowMs = 0;
  const clock = Object.assign(new VirtualClock(), { nowMs: () => nowMs });
  const { file } = fileInMemory({ clock });
  execute(file, ...Array.from({ length: 300 }, (_, n) => put(`${1_000 + n}`, '')));
  const { entries, next } = file.list(listQuery(), () => {
    nowMs++;
    return true;
  });
  expect([entries.length, next?.bytes.toString()]).toEqual([128, '1127']);
});

test('the feed says how far the file is, and up to where it has forgotten', () => {
  const ledger = { rowsMin: 2, writesKept: 1, writesKeptMs: 0, bytesMax: 1_000_000, rowsPruned: 2 };
  const { file } = fileInMemory({ ledger });
  execute(file, put('a', '1'));
  execute(file, put('a', '2'));
  expect(file.feed(beginning, 1)).toMatchObject({ kind: 'feed', prunedLsn: 0, lsn: 2, rows: [{ lsn: 1 }] });
  execute(file, put('a', '3'));
  execute(file, put('a', '4'));
  expect(file.feed(beginning, 9)).toMatchObject({ prunedLsn: 2, lsn: 4, rows: [{ lsn: 3 }, { lsn: 4 }] });
});

/** It has room for a little more, once. */
function reserveOf(setFull: (isFull: boolean) => void): DiskReserve & { isGiven: boolean } {
  return {
    isGiven: false,
    giveUp() {
      this.isGiven = true;
      setFull(false);
    },
  };
}

describe('on a full disk', () => {
  function filled() {
    let setFull = (_isFull: boolean) => {};
    const reserve = reserveOf((isFull) => setFull(isFull));
    const made = noted({ reserve });
    setFull = (isFull) => made.disk.setFull(isFull);
    execute(made.file, put('a', '1'), put('b', '2'));
    setFull(true);
    return { ...made, reserve };
  }

  test('writes are refused and reads are answered, and the reserve is kept for what makes room', () => {
    const { file, reserve, notes } = filled();
    expect(execute(file, put('c', '3'), get('a'))).toEqual(['disk-full', 'value']);
    expect([reserve.isGiven, file.counters, notes]).toEqual([false, { lsn: 2, keys: 2, bytes: 4 }, [2]]);
  });

  test('a delete is done with the reserve, and what came with it is refused', () => {
    const { file, reserve } = filled();
    expect(execute(file, put('c', '3'), remove('a'), get('a'), get('c'))).toEqual([
      ...['disk-full', 'deleted', 'absent', 'absent'],
    ]);
    expect([reserve.isGiven, file.counters]).toEqual([true, { lsn: 3, keys: 1, bytes: 2 }]);
    // What was given up is not for everybody.
    expect(execute(file, put('c', '3'))).toEqual(['disk-full']);
    expect(execute(file, remove('b'))).toEqual(['deleted']);
  });

  test('a delete is refused where there is no reserve', () => {
    const { file, disk } = noted();
    execute(file, put('a', '1'));
    disk.setFull(true);
    expect(execute(file, remove('a'), get('a'))).toEqual(['disk-full', 'value']);
    expect(file.counters).toEqual({ lsn: 1, keys: 1, bytes: 2 });
  });

  test('what is deleted is given back, so that the reserve can be made again, and only then', () => {
    const { file, disk, reserve } = filled();
    disk.setFull(false);
    execute(file, ...Array.from({ length: 100 }, (_, n) => put(`${n}`, Buffer.alloc(1_000))));
    const free = () => disk.setting('freelist_count') as number;
    execute(file, ...Array.from({ length: 100 }, (_, n) => remove(`${n}`)));
    const before = free();
    expect(before).toBeGreaterThan(20);
    expect([file.giveRoomBack(10), free()]).toEqual([false, before]);
    reserve.isGiven = true;
    expect([file.giveRoomBack(10), free()]).toEqual([true, before - 10]);
    while (file.giveRoomBack(10));
    expect(free()).toBe(0);
  });

  test('what has expired is swept with the reserve', () => {
    const clock = new VirtualClock();
    let setFull = (_isFull: boolean) => {};
    const reserve = reserveOf((isFull) => setFull(isFull));
    const { file, disk } = noted({ clock, reserve });
    setFull = (isFull) => disk.setFull(isFull);
    execute(file, put('a', '1', '', { ttlMs: 10 }));
    clock.pass(10);
    setFull(true);
    expect([file.sweep(everybody, 10), file.counters.keys, reserve.isGiven]).toEqual([undefined, 0, true]);
  });
});

describe('what has expired', () => {
  test('is swept by steps of so many rows, each a commit, and there is none without anything to sweep', () => {
    const clock = new VirtualClock();
    const { file, notes } = noted({ clock });
    execute(file, ...['a', 'b', 'c', 'd'].map((key, index) => put(key, '1', '', { ttlMs: 10 + index })), put('e', '1'));
    notes.length = 0;
    expect([file.sweep(everybody, 2), notes]).toEqual([undefined, []]);
    clock.pass(2_013);
    expect(measured(file, 'shardlite_expired_backlog_seconds')).toBe(2.003);
    const left: number[] = [];
    for (let waitsSinceMs: number | undefined = 0; waitsSinceMs !== undefined; left.push(file.counters.keys)) {
      waitsSinceMs = file.sweep(everybody, 2);
    }
    expect(left).toEqual([3, 1, 1]);
    expect(notes).toEqual([7, 9]);
    const metrics = ['shardlite_expired_keys_total', 'shardlite_expired_backlog_seconds'] as const;
    expect(metrics.map((name) => measured(file, name))).toEqual([4, 0]);
  });

  test('is left alone where slots are not ours, and does not stand in the way of what follows', () => {
    const clock = new VirtualClock();
    const { file } = fileInMemory({ clock });
    const others = put('a', '1', '', { ttlMs: 10 });
    execute(file, others, put('b', '1', '', { ttlMs: 11 }));
    clock.pass(20);
    const isOurs = (slot: number) => slot !== others.slot;
    expect([file.sweep(isOurs, 1), file.counters.keys]).toEqual([clock.dateMs() - 10, 2]);
    expect(file.sweep(isOurs, 9)).toBeUndefined();
    expect(file.counters.keys).toBe(1);
  });

  /** Two of ten that have expired are swept, so that eight are known to wait. */
  function withBacklog(isOurs = (_slot: number) => true) {
    const clock = new VirtualClock();
    const made = noted({ clock });
    const expiring = Array.from({ length: 10 }, (_, index) => put(`expiring ${index}`, '', '', { ttlMs: 10 }));
    execute(made.file, ...expiring);
    clock.pass(10);
    made.file.sweep(isOurs, 2);
    return made;
  }
  const puts = (...keys: string[]) => keys.map((key) => put(key, ''));

  test('waits for a sweep to begin, and then leaves with each commit, as many rows as that adds', () => {
    const clock = new VirtualClock();
    const { file, notes } = noted({ clock });
    execute(file, ...['a', 'b', 'c', 'd', 'e'].map((key) => put(key, '', '', { ttlMs: 10 })));
    clock.pass(10);
    execute(file, ...puts('f'));
    expect(file.counters.keys).toBe(6);
    file.sweep(everybody, 1);
    notes.length = 0;
    const keysAfter = (...operations: Operation[]) => {
      execute(file, ...operations);
      return file.counters.keys;
    };
    expect(keysAfter(...puts('g', 'h'))).toBe(5);
    expect(keysAfter(...puts('f', 'g'), remove('h'))).toBe(4);
    expect(keysAfter(...puts('i', 'j', 'k', 'l'))).toBe(6);
    expect(keysAfter(...puts('m'))).toBe(7);
    expect(notes).toHaveLength(4);
    expect(measured(file, 'shardlite_expired_keys_total')).toBe(5);
  });

  test('is left alone by commits where slots are not ours any more', () => {
    let isOurs = true;
    const { file } = withBacklog(() => isOurs);
    isOurs = false;
    execute(file, ...puts('a'));
    expect(file.counters.keys).toBe(9);
  });

  test('is not passed over by a commit that fails', () => {
    const { file, disk } = withBacklog();
    const commit = disk.commit.bind(disk);
    disk.commit = () => {
      throw new Error('the sync failed');
    };
    expect(() => execute(file, ...puts('a'))).toThrow('the sync failed');
    disk.commit = commit;
    file.sweep(everybody, 7);
    execute(file, ...puts('a'));
    expect(file.counters.keys).toBe(1);
  });
});

test('names are forgotten by steps, once none may be used again', () => {
  const clock = new VirtualClock();
  const { file } = fileInMemory({ clock });
  const named = (name: string) => put(name, '1', '', { idempotencyKey: idempotencyKey(name, 'asked') });
  execute(file, named('a'), named('b'));
  clock.pass(1_000);
  execute(file, named('c'));
  expect(file.forgetNames(1)).toBeUndefined();
  expect(execute(file, named('a'), named('c'))).toEqual(['created', 'created']);
  clock.pass(idempotencyKeptMs);
  expect([file.forgetNames(1), file.forgetNames(1)]).toEqual([clock.dateMs() - 1_000, clock.dateMs()]);
  expect(file.forgetNames(1)).toBeUndefined();
  expect(execute(file, named('a'), named('c'))).toEqual(['replaced', 'replaced']);
});

test('the time is noted with the first write, and again once it is a minute old', () => {
  const clock = new VirtualClock();
  const { file, disk, opened } = noted({ clock });
  const uptime = () => disk.prepare('SELECT uptime_ms FROM standing').pluck().get();
  const passed: unknown[] = [];
  clock.pass(5_000);
  for (const passedMs of [0, 59_999, 1, 59_999]) {
    clock.pass(passedMs);
    execute(file, put('a', '1'));
    passed.push(uptime());
  }
  expect(passed).toEqual([5_000, 5_000, 65_000, 65_000]);
  execute(opened(), put('a', '1'));
  expect(uptime()).toBe(124_999);
});

test('where nothing names the starts of the machine, no time is noted', () => {
  const clock = Object.assign(new VirtualClock(), { boot: undefined });
  const { file, disk } = fileInMemory({ clock });
  expect(execute(file, put('a', '1'))).toEqual(['created']);
  expect(disk.prepare('SELECT boot FROM standing').pluck().get()).toBe('');
});

test('while a file is pinned, no commit checkpoints', () => {
  const { file, disk } = fileInMemory();
  const pages = () => disk.setting('wal_autocheckpoint');
  file.pin();
  expect(pages()).toBe(0);
  file.transfer.isMovingBesideClients = true;
  expect(pages()).toBe(0);
  file.unpin();
  expect(pages()).toBe(1_000);
});

test('an audit of a file knows its counts and what is in transit, and its structure when it is asked', () => {
  const { file, disk } = fileInMemory();
  const ring = firstRing(
    new Map([
      [1, 1],
      [2, 1],
    ]),
  );
  const shardOf = ({ slot }: { slot: number }) => ring.shardOf(slot);
  const some = Array.from({ length: 20 }, (_, n) => put(`${n}`, ''));
  const ours = some.filter((one) => shardOf(one) === 1);
  execute(file, ...ours);
  const coming = some.find((one) => shardOf(one) === 2) as (typeof some)[0];
  file.transfer.openIncoming({ id: 1, from: 2, to: 1, slots: [coming.slot] });
  file.transfer.store(PackedRows.of([{ ...coming, version: 1 }]));
  disk.exec('PRAGMA ignore_check_constraints = ON');
  disk.exec("INSERT INTO transfer (move, direction, slots, keys, bytes) VALUES (9, 'sideways', '[]', 0, 0)");
  disk.exec('PRAGMA ignore_check_constraints = OFF');
  const report = (structure: 'checked' | 'trusted') => {
    const audit = file.audit(ring, 1, structure);
    while (audit.step(100));
    return audit.report();
  };
  expect(report('trusted')).toMatchObject({ shard: 1, keys: ours.length, inTransit: 1, faults: [] });
  expect(report('checked').faults).toEqual(['SQLite: CHECK constraint failed in transfer']);
});

describe('a file on disk', () => {
  const newPath = () => join(temporaryDirectory(), 'shard.sqlite');
  function opened(path: string, options: ShardFileOptions = {}): ShardFile {
    const file = new ShardFile(path, identity, options);
    onTestFinished(() => file.close());
    return file;
  }

  test('that should have writes is not made anew, but one that was never made is', () => {
    const path = newPath();
    expect(() => opened(path, { record: { acknowledgedLsn: 0 } })).toThrow('is missing');
    expect(opened(path, { record: { acknowledgedLsn: null } }).counters.lsn).toBe(0);
  });

  test('that is older than what was acknowledged is refused, and let go of', () => {
    const path = newPath();
    const file = opened(path);
    execute(file, put('a', '1'));
    file.close();
    expect(() => opened(path, { record: { acknowledgedLsn: 2 } })).toThrow('is an older copy');
    expect(opened(path, { record: { acknowledgedLsn: 1 } }).counters.keys).toBe(1);
  });

  test.each(['exclusive', 'shared'] as const)(
    'that is closed tells what it counted, and closes its mark once: %s',
    (access) => {
      const path = newPath();
      let closed = 0;
      const file = opened(path, { access, mark: { note: () => {}, close: () => closed++ } });
      execute(file, put('a', '1'));
      const other = access === 'shared' ? opened(path, { access }) : file;
      execute(other, put('b', '1'));
      file.pin();
      file.close();
      file.close();
      expect([file.counters, closed]).toEqual([{ lsn: 2, keys: 2, bytes: 4 }, 1]);
    },
  );

  test('that several write is listed as of one moment', () => {
    const path = newPath();
    const [file, other] = [opened(path, { access: 'shared' }), opened(path, { access: 'shared' })];
    const before = Array.from({ length: 200 }, (_, n) => `${1_000 + n}`);
    execute(file, ...before.map((key) => put(key, '')));
    let isWritten = false;
    const { entries } = file.list(listQuery(), () => {
      if (!isWritten) execute(other, put('0 later', ''), put('2 later', ''));
      isWritten = true;
      return true;
    });
    // On a slow disk the page ends where the write took its time.
    expect(entries.map(({ key }) => key.toString())).toEqual(before.slice(0, entries.length));
    expect([entries.length > 0, other.counters.keys]).toEqual([true, 202]);
  });

  test('that is pinned can be copied as it was, while it is written', () => {
    const path = newPath();
    const file = opened(path);
    execute(file, put('a', '1'));
    const { walBytes, lsn } = file.pin();
    expect([walBytes > 0, lsn]).toEqual([true, 1]);
    // More than a checkpoint would wait for.
    for (let n = 0; n < 20; n++) execute(file, put(`${n}`, Buffer.alloc(1_000_000)));
    const copy = newPath();
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    truncateSync(`${copy}-wal`, walBytes);
    const found = opened(copy);
    expect([keysIn(found), found.counters]).toEqual([['a'], { lsn: 1, keys: 1, bytes: 2 }]);
    file.unpin();
  });
});
