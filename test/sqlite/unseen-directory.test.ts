/** A directory at which nobody may look: what lies in it is neither missing nor given up. */

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UnusableFile, WrongFile } from '../../src/sqlite/database.ts';
import { ReserveFile } from '../../src/sqlite/disk-reserve.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import { shardSchema } from '../../src/sqlite/shard-schema.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Root may look everywhere, but not here. */
function unseen(): string {
  const loop = join(temporaryDirectory(), 'loop');
  symlinkSync(loop, loop);
  return loop;
}

test('a file that may not be looked at is not called missing: a shard tries again, and nobody is sent to recover', () => {
  const path = join(unseen(), 'shard-1.sqlite');
  const opening = () => openExclusively(path, shardSchema, { absence: 'refuse' });
  expect(opening).toThrow(UnusableFile);
  expect(opening).not.toThrow(WrongFile);
  expect(opening).toThrow(`${path} cannot be opened: ELOOP`);
});

test('a reserve that may not be looked at is as it was', () => {
  expect(new ReserveFile(unseen()).isGiven).toBe(false);
});
