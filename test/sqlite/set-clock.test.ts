/** Values that expire, in a file whose machine's clock is set. */

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { TimeNote } from '../../src/kv/expiry-clock.ts';
import { inspectFile } from '../../src/sqlite/file-inspection.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { clockAfter } from '../../src/sqlite/told-time.ts';
import { get, put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const hourMs = 3_600_000;

function begun() {
  const clock = new VirtualClock();
  const directory = temporaryDirectory();
  const pathOf = (shard: number) => join(directory, `shard-${shard}.sqlite`);
  const open = (shard = 1, time?: TimeNote) => {
    const file = new ShardFile(pathOf(shard), { service: 'test', shard }, { clock, ...(time && { time }) });
    onTestFinished(() => file.close());
    return file;
  };
  return { clock, pathOf, open };
}

const read = (file: ShardFile, key: string) => file.execute([{ operation: get(key) }])[0]?.kind;
const write = (file: ShardFile, key: string, ttlMs: number) =>
  file.execute([{ operation: put(key, 'value', '', { ttlMs }) }])[0];

test('what is written while the clock is two days ahead for seconds, and what was there, lives as long as it shall', () => {
  const { clock, open } = begun();
  let file = open();
  write(file, 'before', hourMs);
  clock.dateAheadMs += 48 * hourMs;
  clock.pass(1_000);
  write(file, 'meanwhile', hourMs);
  expect([read(file, 'before'), read(file, 'meanwhile')]).toEqual(['value', 'value']);
  // A process that dies in these seconds comes back in them.
  file.close();
  file = open();
  clock.pass(1_000);
  write(file, 'anew', hourMs);
  clock.dateAheadMs -= 48 * hourMs;
  for (const key of ['before', 'meanwhile', 'anew']) expect(read(file, key)).toBe('value');
  clock.pass(hourMs + 5_000);
  for (const key of ['before', 'meanwhile', 'anew']) expect(read(file, key)).toBe('absent');
});

test('a shard that is added while the clock is two days ahead goes by the time that the other files tell', () => {
  const { clock, pathOf, open } = begun();
  const first = open();
  write(first, 'before', hourMs);
  first.close();
  clock.dateAheadMs += 48 * hourMs;
  clock.pass(1_000);
  // The primary starts in these seconds.
  const told = [inspectFile(pathOf(1), openExclusively)?.told ?? []].flat();
  const time = clockAfter(told, clock).note();
  let added = open(2, time);
  const outcome = write(added, 'meanwhile', hourMs);
  expect(outcome).toMatchObject({ expiresAtMs: clock.dateMs() - 47 * hourMs });
  // It goes by its own note from then on.
  added.close();
  added = open(2);
  clock.dateAheadMs -= 48 * hourMs;
  expect(read(added, 'meanwhile')).toBe('value');
  clock.pass(hourMs + 5_000);
  expect(read(added, 'meanwhile')).toBe('absent');
});

test('a shard that is added after the clock was set back brings nothing back that had expired elsewhere', () => {
  const { clock, pathOf, open } = begun();
  const first = open();
  write(first, 'key', 60_000);
  const expiresAtMs = clock.dateMs() + 60_000;
  clock.pass(60_001);
  write(first, 'last', hourMs);
  first.close();
  clock.dateAheadMs -= 48 * hourMs;
  const told = [inspectFile(pathOf(1), openExclusively)?.told ?? []].flat();
  for (const boot of ['virtual', 'another']) {
    // Also after another start of the machine, when only the last write tells the time.
    const noted = told.map((one) => ({ ...one, note: { ...one.note, boot } }));
    expect(clockAfter(noted, clock).now()).toBeGreaterThan(expiresAtMs);
  }
});

test('a clock that is set back brings nothing back that had expired, also after a restart', () => {
  const { clock, open } = begun();
  let file = open();
  write(file, 'key', 60_000);
  clock.pass(60_001);
  expect(read(file, 'key')).toBe('absent');
  clock.dateAheadMs -= hourMs;
  expect(read(file, 'key')).toBe('absent');
  file.close();
  file = open();
  expect(read(file, 'key')).toBe('absent');
});

test('an answer says when the value expires, also to one that is sent again', () => {
  const { clock, open } = begun();
  const file = open();
  const resend = { opId: Buffer.alloc(16, 7), resent: false, seenLsn: 0 };
  const operation = put('key', 'value', '', { ttlMs: 60_000 });
  const expected = { kind: 'created', version: 1, expiresAtMs: clock.dateMs() + 60_000 };
  expect(file.execute([{ operation, resend }])).toEqual([expected]);
  clock.pass(5_000);
  expect(file.execute([{ operation, resend: { ...resend, resent: true } }])).toEqual([expected]);
});
