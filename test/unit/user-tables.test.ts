/** The tables that users read say what the code does. */

import { maxHeaderSize } from 'node:http';
import { expect, test } from 'vitest';
import {
  clonesMax,
  flagOf,
  routersMax,
  settingNames,
  settings,
  valueBytesLargest,
  variableOf,
} from '../../src/config/service-config.ts';
import { defaultHoldLimits } from '../../src/holding/hold-queue.ts';
import { answerTimeoutMs, headersTimeoutMs, requestTimeoutMs } from '../../src/http/app.ts';
import { connectionsMax } from '../../src/http/connection-limit.ts';
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
import { shardsMax } from '../../src/partition/ring.ts';
import { hashOf, slotOf, tagOf } from '../../src/partition/slot.ts';
import { userDocs } from '../support/user-docs.ts';

/** The cells of the rows below the table head that begins with these titles. */
function rowsOf(head: string): string[][] {
  const lines = userDocs.flatMap(({ text }) => [...text.split('\n'), '']);
  const start = lines.indexOf(head);
  expect(start, `the table ${head}`).toBeGreaterThan(0);
  const rows = lines.slice(start + 2);
  return rows.slice(0, rows.indexOf('')).map((row) => row.slice(2, -2).split(' | '));
}

test('the table of errors is the error table', () => {
  expect(rowsOf('| code | status | retry later? | title |')).toEqual(
    Object.entries(errorStatus).map(([code, { status, title }]) => [
      `\`${code}\``,
      String(status),
      errorTable[code as ErrorCode].retryable ? 'yes' : 'no',
      title,
    ]),
  );
});

test('the table of settings names every setting, its flag, its variable, and whether a reload adopts another value', () => {
  const rows = rowsOf('| setting | flag | environment | default | changes by |');
  expect(rows.map(([name, flag, variable, , changesBy]) => [name, flag, variable, changesBy])).toEqual(
    settingNames.map((name) => [
      `\`${name}\``,
      `\`--${flagOf(name)}\``,
      `\`${variableOf(name)}\``,
      settings[name].reloads ? 'reload' : 'restart',
    ]),
  );
});

const MiB = 1024 * 1024;

/** Each number of the second column of the table of limits, in its order. */
const limits: { readonly [what: string]: readonly number[] } = {
  key: [1, keyBytesMax],
  value: [0, settings.valueBytesMax.default, valueBytesLargest],
  '`Content-Type`': [contentTypeBytesMax],
  '`Idempotency-Key`': [1, idempotencyKeyBytesMax, idempotencyKeptMs / 3_600_000],
  'entity tags in a condition': [conditionVersionsMax],
  '`ttl`, `expires-at`': [1, ttlSecondsMax],
  'operations of a batch': [1, batchOperationsMax],
  'a batch, and the values it reads': [batchBytesMax],
  'entries of a page': [1, listLimitMax, listLimitDefault],
  'values of a page': [listBytesMax],
  '`delimiter`': [1, listDelimiterBytesMax],
  'clients watching changes': [streamsMax],
  'all request headers': [maxHeaderSize / 1024],
  'time for headers, for the whole request': [headersTimeoutMs / 1_000, requestTimeoutMs / 1_000],
  'requests waiting for one shard': [defaultHoldLimits.countMax, defaultHoldLimits.bytesMax / MiB],
  connections: [connectionsMax],
  'time to read an answer': [answerTimeoutMs / 1_000],
  'lines of a batch, with empty ones': [batchLinesMax],
  'bodies of requests and answers together': [settings.bodyMemoryBytesMax.default / MiB],
  'requests waiting for the file that clones share': [defaultHoldLimits.countMax, defaultHoldLimits.bytesMax / MiB],
  shards: [shardsMax],
  'routers, clones': [routersMax],
};

test('the table of limits has every number of the code, and none that the code has not', () => {
  const rows = rowsOf('| what | limit | answer beyond it |');
  const numbersIn = (limit: string) =>
    [...limit.matchAll(/[\d,]*\d/g)].map(([number]) => Number(number.replaceAll(',', '')));
  expect(Object.fromEntries(rows.map(([what = '', limit = '']) => [what, numbersIn(limit)]))).toEqual(limits);
  expect(clonesMax).toBe(routersMax);
  for (const [, , beyond = ''] of rows) {
    for (const [, code] of beyond.matchAll(/`([a-z-]+)`/g)) {
      if (code !== 'shardctl') expect(errorTable).toHaveProperty(code as string);
    }
  }
});

test('a setting is refused beyond its limit', () => {
  for (const [name, most] of [
    ['valueBytesMax', valueBytesLargest],
    ['shards', shardsMax],
    ['routers', routersMax],
    ['clones', clonesMax],
  ] as const) {
    expect([settings[name].parse(most), settings[name].parse(most + 1)]).toEqual([most, undefined]);
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
