/** The README's tables say what the code does. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { flagOf, settingNames, settings, variableOf } from '../../src/config/service-config.ts';
import { errorStatus } from '../../src/http/error-status.ts';
import { batchLinesMax } from '../../src/http/request/batch-request.ts';
import { contentTypeBytesMax } from '../../src/http/request/body.ts';
import { ttlSecondsMax } from '../../src/http/request/expiry.ts';
import { idempotencyKeyBytesMax } from '../../src/http/request/idempotency.ts';
import { streamsMax } from '../../src/http/routes/changes-routes.ts';
import { conditionVersionsMax } from '../../src/kv/condition.ts';
import { type ErrorCode, errorTable } from '../../src/kv/errors.ts';
import { idempotencyKeptMs } from '../../src/kv/idempotency-key.ts';
import { keyBytesMax, keyOfText } from '../../src/kv/key.ts';
import { listBytesMax, listDelimiterBytesMax, listLimitDefault, listLimitMax } from '../../src/kv/listing.ts';
import { batchBytesMax, batchOperationsMax } from '../../src/kv/operation.ts';
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
    Object.entries(errorStatus).map(([code, { status, title }]) => [
      `\`${code}\``,
      String(status),
      errorTable[code as ErrorCode].retryable ? 'yes' : 'no',
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

test('the table of limits has the numbers of the code', () => {
  const limits = new Map(
    rowsOf('| what | limit | beyond it |').map(([what = '', limit, code]) => [what, { limit, code }]),
  );
  const numbersOf = (what: string) =>
    [...(limits.get(what)?.limit ?? '').matchAll(/[\d,]*\d/g)].map(([number]) => Number(number.replaceAll(',', '')));
  expect(numbersOf('key')).toEqual([1, keyBytesMax]);
  expect(numbersOf('value')).toEqual([0, settings.valueBytesMax.parse('1MiB'), settings.valueBytesMax.parse('16MiB')]);
  expect(settings.valueBytesMax.parse('16777217')).toBeUndefined();
  expect(numbersOf('`Content-Type`')).toEqual([contentTypeBytesMax]);
  expect(numbersOf('`Idempotency-Key`')).toEqual([1, idempotencyKeyBytesMax, idempotencyKeptMs / 3_600_000]);
  expect(numbersOf('entity tags in a condition')).toEqual([conditionVersionsMax]);
  expect(numbersOf('`ttl`, `expires-at`')).toEqual([1, ttlSecondsMax]);
  expect(numbersOf('operations of a batch')).toEqual([1, batchOperationsMax]);
  expect(numbersOf('a batch, and the values that it reads')).toEqual([batchBytesMax]);
  expect(numbersOf('entries of a page')).toEqual([1, listLimitMax, listLimitDefault]);
  expect(numbersOf('values of a page')).toEqual([listBytesMax]);
  expect(numbersOf('`delimiter`')).toEqual([1, listDelimiterBytesMax]);
  expect(numbersOf('lines of a batch, empty ones too')).toEqual([batchLinesMax]);
  expect(numbersOf('bodies of requests and answers together')).toEqual([
    settings.bodyMemoryBytesMax.default / (1024 * 1024),
  ]);
  expect(numbersOf('clients watching changes')).toEqual([streamsMax]);
  for (const { code = '' } of limits.values()) {
    for (const [, named] of code.matchAll(/`([a-z-]+)`/g))
      if (named !== 'shardctl') expect(errorTable).toHaveProperty(named as string);
  }
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
