/** A profile is for its user alone, whatever the process that writes it allows for other files. */

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeProfile } from '../../src/supervision/profile-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('nobody else may read a profile, also where every new file is for everybody', async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const file = join(temporaryDirectory(), 'test.cpuprofile');
  await writeProfile({ kind: 'cpu', seconds: 0.01, file });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});
