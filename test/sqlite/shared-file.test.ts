/** A file that several processes write: what one of them does while another holds the lock, and what each counts. */

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Outcome } from '../../src/kv/outcome.ts';
import { Database, FileLocked } from '../../src/sqlite/database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { atomic, get, put, remove } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const identity = { service: 'test', shard: 1 };

function newPath(): string {
  return join(temporaryDirectory(), 'shared.sqlite');
}

function openFile(path: string): ShardFile {
  const file = new ShardFile(path, identity, { access: 'shared' });
  onTestFinished(() => file.close());
  return file;
}

function openStore(path: string): SqliteStore {
  return new SqliteStore(openFile(path));
}

/** Stands for another process, which can hold the lock for as long as the test wants. */
function connectionTo(path: string): Database {
  const other = new Database(path);
  onTestFinished(() => other.close());
  return other;
}

/** Whether it is settled after many turns of the event loop. */
async function isSettled(outcome: Promise<Outcome>): Promise<boolean> {
  let settled = false;
  void outcome.then(() => {
    settled = true;
  });
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test('each writer counts what the others wrote, and no two writes share a version', () => {
  const path = newPath();
  const [one, two] = [openFile(path), openFile(path)];
  const versions: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    for (const [file, name] of [
      [one, 'one'],
      [two, 'two'],
    ] as const) {
      const [outcome] = file.execute([{ operation: put(`${name} ${turn % 5}`, `value ${turn}`) }]);
      versions.push((outcome as { version: number }).version);
    }
  }
  two.execute([{ operation: remove('one 0') }]);
  expect(new Set(versions).size).toBe(40);
  expect(one.counters).toEqual({ lsn: 41, keys: 9, bytes: 9 * (5 + 8) });
  expect(two.counters).toEqual(one.counters);
});

test('the ledger stays bounded, however many write it', () => {
  const path = newPath();
  const files = [openFile(path), openFile(path)];
  // The last 100,000 writes are kept: in commits of 20 the last 5,000, of which neither has made so many itself.
  for (let turn = 0; turn < 3_500; turn++) {
    const batch = Array.from({ length: 20 }, (_, index) => ({ operation: put(`key ${index}`, `turn ${turn}`) }));
    for (const file of files) file.execute(batch);
  }
  const rows = connectionTo(path).prepare('SELECT count(*) FROM ledger').pluck().get();
  expect(rows).toBeGreaterThanOrEqual(5_000);
  expect(rows).toBeLessThan(5_000 + 4 * 256);
});

test('while another process holds the lock, writes wait and reads of other keys do not', async () => {
  const path = newPath();
  const store = openStore(path);
  await store.execute(put('there', 'before'));
  const other = connectionTo(path);
  other.exec('BEGIN IMMEDIATE');

  const write = store.execute(put('key', 'value'));
  expect(await isSettled(write)).toBe(false);
  expect(await store.execute(get('there'))).toMatchObject({ value: Buffer.from('before') });
  const readAfterWrite = store.execute(get('key'));
  expect(await isSettled(readAfterWrite)).toBe(false);

  other.exec('COMMIT');
  expect(await write).toMatchObject({ kind: 'created' });
  expect(await readAfterWrite).toMatchObject({ value: Buffer.from('value') });
});

test('a read of several keys waits for a write of any of them, and each is told of once', async () => {
  const path = newPath();
  const settled: { readonly kind: string; readonly durationMs: number }[] = [];
  const store = new SqliteStore(openFile(path), {
    onSettled: ({ kind }, durationMs) => void settled.push({ kind, durationMs }),
  });
  const other = connectionTo(path);
  other.exec('BEGIN IMMEDIATE');
  const beganAtMs = performance.now();
  const write = store.execute(atomic(put('a', 'value'), put('b', 'value')));
  const read = store.execute(atomic(get('b'), get('c')));
  expect(await store.execute(get('other'))).toEqual({ kind: 'absent' });
  expect([await isSettled(read), store.held]).toEqual([false, 2]);

  other.exec('COMMIT');
  expect(await read).toMatchObject({ outcomes: [{ value: Buffer.from('value') }, { kind: 'absent' }] });
  expect((await write).kind).toBe('batch');
  expect(settled.map(({ kind }) => kind)).toEqual(['get', 'atomic', 'atomic']);
  const tookMs = performance.now() - beganAtMs;
  for (const { durationMs } of settled) expect(durationMs >= 0 && durationMs <= tookMs).toBe(true);
});

test('what comes in one turn is bounded in number', async () => {
  const store = openStore(newPath());
  const kinds = (await Promise.all(Array.from({ length: 10_001 }, () => store.execute(get('key'))))).map(
    ({ kind }) => kind,
  );
  expect(kinds).toEqual([...Array(10_000).fill('absent'), 'failed']);
});

test('what waits for the lock is bounded', async () => {
  const path = newPath();
  const store = openStore(path);
  const other = connectionTo(path);
  other.exec('BEGIN IMMEDIATE');
  const value = Buffer.alloc(1024 * 1024);
  const writes = Array.from({ length: 70 }, (_, index) => store.execute(put(`key ${index}`, value)));
  expect(await writes[69]).toMatchObject({ kind: 'failed', code: 'overloaded' });
  // Also once those that wait have been tried.
  expect(await isSettled(writes[0] as Promise<Outcome>)).toBe(false);
  expect(await store.execute(put('later', value))).toMatchObject({ kind: 'failed', code: 'overloaded' });
  other.exec('COMMIT');
  const kinds = (await Promise.all(writes)).map(({ kind }) => kind);
  expect(kinds).toEqual([...Array(64).fill('created'), ...Array(6).fill('failed')]);
});

test('a file is either shared or one process has it alone', () => {
  const path = newPath();
  const shared = openFile(path);
  expect(() => new ShardFile(path, identity)).toThrow(FileLocked);
  shared.close();
  const exclusive = new ShardFile(path, identity);
  onTestFinished(() => exclusive.close());
  expect(() => new ShardFile(path, identity, { access: 'shared' })).toThrow(FileLocked);
});

test('what has expired is swept once, whoever sweeps it', () => {
  const path = newPath();
  const clock = new VirtualClock();
  const [one, two] = [1, 2].map(() => {
    const file = new ShardFile(path, identity, { access: 'shared', clock });
    onTestFinished(() => file.close());
    return file;
  }) as [ShardFile, ShardFile];
  const passing = put('passing', 'value');
  one.execute([
    { operation: { ...passing, expiresAtMs: clock.dateMs() + 1_000 } as typeof passing },
    { operation: put('kept', 'value') },
  ]);
  clock.pass(2_000);
  for (const file of [one, two]) file.sweep(() => true, 10);
  expect(one.counters).toMatchObject({ keys: 1, bytes: 4 + 5 });
});
