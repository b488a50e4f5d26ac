/** A shard's file read by another connection while the shard writes it, is away, or its file is not what it was. */

import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ReadOperation } from '../../src/kv/operation.ts';
import { ringAfter } from '../../src/partition/plan.ts';
import { firstRing } from '../../src/partition/ring.ts';
import { systemClock } from '../../src/ports/clock.ts';
import { MarkFile } from '../../src/sqlite/acknowledged-mark.ts';
import { Database, FileLocked } from '../../src/sqlite/database.ts';
import { openFenced } from '../../src/sqlite/fence.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { ShardFileReader } from '../../src/sqlite/shard-file-reader.ts';
import { get, put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const identity = { service: 'test', shard: 1 };
const ring = firstRing(new Map([[1, 1]]));

function newPath(name = 'shard-1.sqlite'): string {
  return join(temporaryDirectory(), name);
}

/** Serves the ring, and has these keys. */
function newFile(path: string, values: Readonly<Record<string, string>>, open = openFenced): ShardFile {
  const file = new ShardFile(path, identity, { open });
  onTestFinished(() => file.close());
  file.transfer.settle(ring, 1, () => false);
  write(file, values);
  return file;
}

function write(file: ShardFile, values: Readonly<Record<string, string>>): void {
  file.execute(Object.entries(values).map(([key, value]) => ({ operation: put(key, value) })));
}

class TestReader {
  readonly errors: unknown[] = [];
  nowMs = 0;
  readonly #reader: ShardFileReader;

  constructor(path: string, of = identity) {
    const clock = { ...systemClock, nowMs: () => this.nowMs };
    this.#reader = new ShardFileReader(path, of, { clock, onUnreadable: (error) => void this.errors.push(error) });
    onTestFinished(() => this.#reader.close());
  }

  /** Undefined when the file could not be read. */
  read(...keys: readonly string[]): readonly (string | undefined)[] | undefined {
    return this.reading(...keys)?.outcomes.map((one) => (one.kind === 'value' ? one.value.toString() : undefined));
  }

  reading(...keys: readonly string[]) {
    return this.#reader.read(keys.map((key) => get(key) as ReadOperation));
  }
}

test('what is committed is read at once, and with it which ring the shard has', () => {
  const path = newPath();
  const file = newFile(path, { key: 'one' });
  const reader = new TestReader(path);
  expect(reader.read('key', 'other')).toEqual(['one', undefined]);
  write(file, { key: 'two' });
  expect(reader.read('key')).toEqual(['two']);
  expect(reader.reading('key')?.standing).toEqual({ epoch: ring.epoch, isGivingAway: false });
});

test('what is not committed is not read', () => {
  const path = newPath();
  newFile(path, { key: 'before' });
  const reader = new TestReader(path);
  const writing = new Database(path);
  onTestFinished(() => writing.close());
  writing.begin();
  writing.exec("UPDATE entry SET value = CAST('after' AS BLOB)");
  expect(reader.read('key')).toEqual(['before']);
  writing.commit();
  expect(reader.read('key')).toEqual(['after']);
});

test('from the moment that the target of a move may have everything, the file says so, until the move is undone', () => {
  const path = newPath();
  const file = newFile(path, { key: 'value' });
  const reader = new TestReader(path);
  file.transfer.openOutgoing({ id: 1, from: 1, to: 2, slots: [1, 2] });
  expect(reader.reading('key')?.standing.isGivingAway).toBe(true);
  file.transfer.forget(1);
  expect(reader.reading('key')?.standing.isGivingAway).toBe(false);
});

test('when slots have left, the epoch rises in the step in which nothing is being given away any more', () => {
  const path = newPath();
  const file = newFile(path, { key: 'value' });
  const reader = new TestReader(path);
  const move = { id: 1, from: 1, to: 2, slots: [1, 2] };
  file.transfer.openOutgoing(move);
  const next = ringAfter(ring, [move]);
  file.transfer.settle(next, 1, () => false);
  expect(reader.reading('key')?.standing).toEqual({ epoch: next.epoch, isGivingAway: false });
});

test('a shard that is gone leaves a file that is read', () => {
  const path = newPath();
  const file = newFile(path, { key: 'value' });
  const reader = new TestReader(path);
  expect(reader.read('key')).toEqual(['value']);
  file.close();
  expect(reader.read('key')).toEqual(['value']);
});

test('a file that is put in the place of another, with the same epoch, is never taken for it', () => {
  const path = newPath();
  newFile(path, { key: 'old' }).close();
  const copy = newPath('copy.sqlite');
  cpSync(path, copy);
  const other = new ShardFile(copy, identity, { open: openExclusively });
  write(other, { key: 'new' });
  other.close();
  const reader = new TestReader(path);
  expect(reader.read('key')).toEqual(['old']);
  renameSync(copy, path);
  expect(reader.read('key')).toBeUndefined();
  expect(reader.read('key')).toBeUndefined();
  reader.nowMs += 1_000;
  expect(reader.read('key')).toEqual(['new']);
});

test('an older copy of the file, with the same epoch, is not read', () => {
  const path = newPath();
  const copy = newPath('copy.sqlite');
  newFile(path, { key: 'old' }).close();
  cpSync(path, copy);
  const mark = new MarkFile(path);
  const file = new ShardFile(path, identity, { open: openFenced, mark });
  write(file, { key: 'new' });
  file.close();
  const reader = new TestReader(path);
  expect(reader.read('key')).toEqual(['new']);
  renameSync(copy, path);
  expect(reader.read('key')).toBeUndefined();
  reader.nowMs += 1_000;
  expect(reader.read('key')).toBeUndefined();
  expect(reader.errors).toHaveLength(2);
});

test('a file that is removed is let go of', () => {
  const path = newPath();
  newFile(path, { key: 'value' }).close();
  const reader = new TestReader(path);
  expect(reader.read('key')).toEqual(['value']);
  for (const suffix of ['', '-wal', '-shm', '-fence']) rmSync(path + suffix, { force: true });
  expect(reader.read('key')).toBeUndefined();
  reader.nowMs += 1_000;
  expect(reader.read('key')).toBeUndefined();
  expect(reader.errors).toHaveLength(2);
});

test.each([
  ['of another shard', { service: 'test', shard: 2 }],
  ['of another service', { service: 'another', shard: 1 }],
])('a file %s is not read', (_whose, of) => {
  const path = newPath();
  newFile(path, { key: 'value' });
  expect(new TestReader(path, of).read('key')).toBeUndefined();
});

test('a file that is no database, or whose shard has it alone, is not read, and nothing is thrown', () => {
  const broken = newPath();
  writeFileSync(broken, 'not a database, though it has more than a hundred bytes in it'.repeat(20));
  expect(new TestReader(broken).read('key')).toBeUndefined();
  const exclusive = newPath();
  newFile(exclusive, { key: 'value' }, openExclusively);
  expect(new TestReader(exclusive).read('key')).toBeUndefined();
  expect(new TestReader(join(temporaryDirectory(), 'nowhere', 'file')).read('key')).toBeUndefined();
});

test('who writes a file that others read keeps every other writer off, whichever way it opens the file', () => {
  const path = newPath();
  const file = newFile(path, { key: 'value' });
  const open = (way: typeof openFenced) => () =>
    new ShardFile(path, identity, { open: (where, schema) => way(where, schema, { lockWaitMs: 0 }) });
  expect(open(openFenced)).toThrow(FileLocked);
  expect(open(openExclusively)).toThrow(FileLocked);
  file.close();
  const exclusive = open(openExclusively)();
  onTestFinished(() => exclusive.close());
  expect(open(openFenced)).toThrow(FileLocked);
});
