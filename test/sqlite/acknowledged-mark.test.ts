/** The mark beside a database tells of the highest write, whoever of several processes wrote last. */

import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acknowledgedBeside, MarkFile } from '../../src/sqlite/acknowledged-mark.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('the highest of all processes counts, though one notes a lower write after another a higher one', () => {
  const database = join(temporaryDirectory(), 'shard-1.sqlite');
  expect(acknowledgedBeside(database)).toBe(0);
  const [one, other] = [new MarkFile(database, 4_711), new MarkFile(database, 4_712)];
  other.note(120);
  one.note(119);
  expect(acknowledgedBeside(database)).toBe(120);
  one.note(121);
  expect(acknowledgedBeside(database)).toBe(121);
  one.close();
  other.close();
  // The next process to write goes on behind both.
  const next = new MarkFile(database);
  next.note(122);
  next.close();
  expect(acknowledgedBeside(database)).toBe(122);
});

test('what lies behind all places is none of ours, however much it is', () => {
  const database = join(temporaryDirectory(), 'shard-1.sqlite');
  writeFileSync(
    `${database}-acknowledged`,
    `${'7'.padStart(16, '0')}\n`.repeat(256) + `${'8'.padStart(16, '0')}\n`.repeat(200_000),
  );
  expect(acknowledgedBeside(database)).toBe(7);
});

test('what is no mark says nothing', () => {
  const database = join(temporaryDirectory(), 'shard-1.sqlite');
  writeFileSync(`${database}-acknowledged`, 'nothing of ours');
  expect(acknowledgedBeside(database)).toBe(0);
  appendFileSync(`${database}-acknowledged`, '12\n');
  expect(acknowledgedBeside(database)).toBe(0);
});
