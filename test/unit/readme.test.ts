/** The README's tables say what the code does. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { flagOf, settingNames, variableOf } from '../../src/config/service-config.ts';
import { errorTable } from '../../src/kv/errors.ts';
import { keyOfText } from '../../src/kv/key.ts';
import { hashOf, slotOf, tagOf } from '../../src/partition/slot.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The cells of the rows below the table head that begins with these titles. */
function rowsOf(head: string): string[][] {
  const lines = readme.split('\n');
  const start = lines.indexOf(head);
  expect(start, `the table ${head}`).toBeGreaterThan(0);
  const rows = lines.slice(start + 2);
  return rows.slice(0, rows.indexOf('')).map((row) => row.slice(2, -2).split(' | '));
}

test('the table of errors is the error table', () => {
  expect(rowsOf('| code | status | again later? | title |')).toEqual(
    Object.entries(errorTable).map(([code, { status, retryable, title }]) => [
      `\`${code}\``,
      String(status),
      retryable ? 'yes' : 'no',
      title,
    ]),
  );
});

test('the table of settings names every setting, its flag and its variable', () => {
  const named = rowsOf('| setting | flag | environment | default |').map((row) => row.slice(0, 3));
  expect(named).toEqual(
    settingNames.map((name) => [`\`${name}\``, `\`--${flagOf(name)}\``, `\`${variableOf(name)}\``]),
  );
});

test('the published vectors from key to slot hold', () => {
  const vectors = rowsOf('| key | tag | xxh32 | slot |');
  expect(vectors.length).toBeGreaterThanOrEqual(8);
  for (const [key = '', tag, hash, slot] of vectors) {
    const bytes = keyOfText(key.slice(1, -1));
    const found = tagOf(bytes);
    expect([`\`${found}\``, `\`0x${hashOf(found).toString(16).padStart(8, '0')}\``, String(slotOf(bytes))]).toEqual([
      tag,
      hash,
      slot,
    ]);
  }
});
