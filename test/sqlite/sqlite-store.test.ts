/** When a store asks again for a file that another process keeps locked, and when it gives up: by a time that a test sets. */

import { join } from 'node:path';
import { afterEach, beforeEach, expect, type MockInstance, onTestFinished, test, vi } from 'vitest';
import { Database } from '../../src/sqlite/database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { listQuery, put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const unavailable = { kind: 'failed', code: 'store-unavailable' };

/** Its listings find it busy while another process holds the lock, as if that one were opening it. */
class BusyFile extends ShardFile {
  competitor: Database | undefined;

  override list(...parameters: Parameters<ShardFile['list']>): ReturnType<ShardFile['list']> {
    this.competitor?.begin();
    this.competitor?.rollback();
    return super.list(...parameters);
  }
}

let nowMs: number;
let sleeps: MockInstance<typeof setTimeout>;
let store: SqliteStore;
/** Stands for another process. */
let other: Database;
let file: BusyFile;
beforeEach(() => {
  const path = join(temporaryDirectory(), 'shared.sqlite');
  file = new BusyFile(path, { service: 'test', shard: 1 }, { access: 'shared' });
  other = new Database(path);
  store = new SqliteStore(file);
  nowMs = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
  sleeps = vi.spyOn(globalThis, 'setTimeout');
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  other.close();
  file.close();
});

/** Lets the store try again at this time. Returns for how many milliseconds it sleeps before. */
async function nextTry(atMs: number): Promise<number> {
  expect(vi.getTimerCount()).toBe(1);
  nowMs = atMs;
  const sleptMs = sleeps.mock.calls.reduce((sum, [, ms = 0]) => sum + ms, 0);
  sleeps.mockClear();
  await vi.advanceTimersToNextTimerAsync();
  return sleptMs;
}

async function sleepsBefore(...triesAtMs: readonly number[]): Promise<number[]> {
  const sleepsMs: number[] = [];
  for (const atMs of triesAtMs) sleepsMs.push(await nextTry(atMs));
  return sleepsMs;
}

test('a lock is asked for in every turn for three milliseconds, then by a timer, and so each time', async () => {
  for (const startMs of [0, 1_000]) {
    nowMs = startMs;
    other.begin();
    const writes = [store.execute(put('key', 'value')), store.execute(put('other', 'value'))];
    const triesAtMs = [0, 0, 2.9, 3, 10, 11].map((ms) => startMs + ms);
    expect(await sleepsBefore(...triesAtMs)).toEqual([0, 0, 0, 0, 1, 1]);
    expect(store.held).toBe(2);
    other.rollback();
    await nextTry(startMs + 12);
    expect((await Promise.all(writes)).map(({ kind }) => kind)).not.toContain('failed');
    expect(vi.getTimerCount()).toBe(0);
  }
});

test('what has waited for more than five seconds is told that it was not applied; what came later waits on', async () => {
  other.begin();
  const write = store.execute(put('key', 'value'));
  await nextTry(0);
  nowMs = 1;
  const later = store.execute(put('key', 'later'));
  await sleepsBefore(10, 5_000);
  expect(store.held).toBe(2);
  await nextTry(5_000.5);
  expect(store.held).toBe(1);
  expect(await write).toMatchObject(unavailable);
  await nextTry(5_001.5);
  expect(await later).toMatchObject(unavailable);
  expect([store.held, vi.getTimerCount()]).toEqual([0, 0]);
});

test('a listing that finds the file busy asks again each millisecond, for five seconds', async () => {
  file.competitor = new Database(other.path, { timeout: 0 });
  onTestFinished(() => file.competitor?.close());
  other.begin();
  const listing = store.list(listQuery());
  expect(await sleepsBefore(1, 4_999)).toEqual([1, 1]);
  other.rollback();
  await nextTry(4_999.5);
  expect(await listing).toMatchObject({ kind: 'listing' });
  other.begin();
  nowMs = 10_000;
  const given = store.list(listQuery());
  await nextTry(15_000);
  expect(await given).toMatchObject(unavailable);
  expect(vi.getTimerCount()).toBe(0);
});
