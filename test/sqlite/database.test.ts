/** How files are opened: what a power cut, a second process or a wrong file would meet. */

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Database, FileLocked, UnusableFile, unlessBusy } from '../../src/sqlite/database.ts';
import { openExclusively, openShared } from '../../src/sqlite/open-database.ts';
import type { Schema } from '../../src/sqlite/schema.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const schema: Schema = {
  applicationId: 0x7e57,
  version: 1,
  ddl: 'CREATE TABLE thing (id INTEGER) STRICT',
  migrations: {},
};

function opened(path: string, wanted = schema): Database {
  const db = openExclusively(path, wanted, { lockWaitMs: 0 });
  onTestFinished(() => {
    db.close();
  });
  return db;
}

test.each(['new', 'reopened'])('a %s file is durable, exclusive, and reads its WAL index from the heap', (age) => {
  const path = join(temporaryDirectory(), 'file.sqlite');
  if (age === 'reopened') openExclusively(path, schema).close();
  const db = opened(path);
  const setting = (name: string) => db.setting(name);
  // 2 is FULL: a commit is on disk before it is answered.
  expect([setting('journal_mode'), setting('synchronous')]).toEqual(['wal', 2]);
  // On macOS fsync alone does not reach the platter.
  expect([setting('fullfsync'), setting('checkpoint_fullfsync')]).toEqual([1, 1]);
  expect([setting('locking_mode'), setting('auto_vacuum'), setting('page_size')]).toEqual(['exclusive', 2, 4096]);
  db.exec('INSERT INTO thing VALUES (1)');
  expect(existsSync(`${path}-wal`)).toBe(true);
  expect(existsSync(`${path}-shm`)).toBe(false);
});

test('a file that is open is locked for everybody else', () => {
  const path = join(temporaryDirectory(), 'file.sqlite');
  opened(path);
  expect(() => opened(path)).toThrow(FileLocked);
});

test.each([
  [
    'that is no database',
    'not a database, though it has more than a hundred bytes in it'.repeat(20),
    /is damaged or not a SQLite file/,
  ],
  ['of another kind', { ...schema, applicationId: 1 }, /of another program/],
  [
    'of a later version',
    { ...schema, version: 2 },
    /has schema version 2, but this Shardlite only knows versions up to 1\. Use the/,
  ],
  [
    'of a version that nobody remembers',
    { ...schema, version: 0 },
    /has schema version 0, which this Shardlite can no longer/,
  ],
])('a file %s is refused and left as it is', (_what, content, message) => {
  const path = join(temporaryDirectory(), 'file.sqlite');
  if (typeof content === 'string') writeFileSync(path, content);
  else openExclusively(path, content).close();
  expect(() => opened(path)).toThrow(UnusableFile);
  expect(() => opened(path)).toThrow(message);
});

/** Two connections to one file, as two processes have them. */
function shared(): [Database, Database] {
  const path = join(temporaryDirectory(), 'file.sqlite');
  const open = () => {
    const db = openShared(path, schema);
    db.failWhenBusy();
    onTestFinished(() => db.close());
    return db;
  };
  return [open(), open()];
}
const things = (db: Database) => db.prepare('SELECT count(*) FROM thing').pluck().get();
const add = (db: Database) => db.exec('INSERT INTO thing VALUES (1)');

test('a lock of another process is told from everything else that may go wrong', () => {
  const [one, other] = shared();
  other.begin();
  expect(unlessBusy(() => one.begin())).toBeUndefined();
  other.rollback();
  // What was read is old by now: to wait does not help, but to begin anew does.
  one.snapshot(() => {
    things(one);
    add(other);
    expect(unlessBusy(() => add(one))).toBeUndefined();
  });
  expect(unlessBusy(() => things(one))).toBe(1);
  expect(() => unlessBusy(() => one.exec('INSERT INTO nowhere VALUES (1)'))).toThrow('no such table');
  const defect = new Error('a defect');
  expect(() => unlessBusy(() => void fail(defect))).toThrow(defect);
});

function fail(error: Error): never {
  throw error;
}

test('a snapshot is of one moment, and ends whatever happens in it', () => {
  const [one, other] = shared();
  const counts = one.snapshot(() => {
    const before = things(one);
    add(other);
    return [before, things(one)];
  });
  expect([...counts, things(one)]).toEqual([0, 0, 1]);
  expect(() => one.snapshot(() => fail(new Error('a defect')))).toThrow('a defect');
  add(other);
  expect(things(one)).toBe(2);
});

test('a transaction that need not outlive a power cut is as whole as any, and the next one is synced', () => {
  const db = opened(join(temporaryDirectory(), 'file.sqlite'));
  const within = db.unsyncedTransaction(() => {
    add(db);
    return db.setting('synchronous');
  });
  expect([within, things(db), db.setting('synchronous')]).toEqual([1, 1, 2]);
  const broken = () => {
    add(db);
    return fail(new Error('a defect'));
  };
  expect(() => db.unsyncedTransaction(broken)).toThrow('a defect');
  expect([things(db), db.setting('synchronous')]).toEqual([1, 2]);
});

test('a log that is folded needs no copy, and has given its room back', () => {
  const path = join(temporaryDirectory(), 'file.sqlite');
  const db = opened(path);
  add(db);
  expect(db.walBytesNeeded()).toBe(statSync(`${path}-wal`).size);
  db.foldLog();
  expect([db.walBytesNeeded(), statSync(`${path}-wal`).size]).toEqual([0, 0]);
});

test('a shard file opens for its own service and shard alone, and counts what it holds', () => {
  const path = join(temporaryDirectory(), 'shard-1.sqlite');
  const file = new ShardFile(path, { service: 'ours', shard: 1 });
  file.execute([
    { operation: put('key', 'value') },
    { operation: put('clé', 'value') },
    { operation: put('key', 'v') },
  ]);
  expect(file.counters).toEqual({ lsn: 3, keys: 2, bytes: 3 + 1 + 4 + 5 });
  file.close();

  expect(() => new ShardFile(path, { service: 'theirs', shard: 1 })).toThrow(/belongs to shard 1 of service ours/);
  expect(() => new ShardFile(path, { service: 'ours', shard: 2 })).toThrow(UnusableFile);
  const again = new ShardFile(path, { service: 'ours', shard: 1 });
  expect(again.counters).toEqual({ lsn: 3, keys: 2, bytes: 13 });
  again.close();
});
