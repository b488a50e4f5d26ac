/** Values that expire, in a file whose machine's clock is set. */

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { get, put } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const hourMs = 3_600_000;

function begun() {
  const clock = new VirtualClock();
  const path = join(temporaryDirectory(), 'shard.sqlite');
  const open = () => {
    const file = new ShardFile(path, { service: 'test', shard: 1 }, { clock });
    onTestFinished(() => file.close());
    return file;
  };
  return { clock, open };
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
