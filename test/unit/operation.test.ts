/** Small facts about operations and outcomes on which every store builds. */

import { expect, test } from 'vitest';
import { isWrite } from '../../src/kv/operation.ts';
import { expiryOf } from '../../src/kv/outcome.ts';
import { overflow } from '../../src/kv/refusals.ts';
import { atomic, get, head, increment, put, remove } from '../support/operations.ts';

test('reads write nothing; all else may, batches of reads included', () => {
  expect([get('a'), head('a')].map(isWrite)).toEqual([false, false]);
  const writes = [put('a', ''), remove('a'), increment('a', 1), atomic(get('a'))];
  expect(writes.map(isWrite)).toEqual([true, true, true, true]);
});

test('an expiry of 0 is none', () => {
  expect([expiryOf(0), expiryOf(5)]).toEqual([{}, { expiresAtMs: 5 }]);
});

test('an overflow names both numbers', () => {
  expect(overflow(7n, -2n)).toEqual({
    kind: 'failed',
    code: 'counter-overflow',
    detail: '7 plus -2 does not fit into 64 bits.',
  });
});
