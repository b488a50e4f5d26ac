/** The ids by which a write is known when it is sent again. */

import { expect, test } from 'vitest';
import { noOpId, opIdBytes, opIdOfItem } from '../../src/kv/op-id.ts';

test('the operations of a batch have ids that count on from its own, which stays as it is', () => {
  const opId = Buffer.from('000102030405060708000000000000ff', 'hex');
  const ids = [0, 1, 0x1_0000].map((index) => opIdOfItem(opId, index).toString('hex'));
  expect(ids).toEqual([
    '000102030405060708000000000000ff',
    '000102030405060709000000000000ff',
    '000102030405060708000100000000ff',
  ]);
  expect(opId.toString('hex')).toBe('000102030405060708000000000000ff');
});

test('counting on beyond the last id begins anew, and leaves the sender in place', () => {
  const last = Buffer.from('0001020304050607ffffffffffffffff', 'hex');
  expect(opIdOfItem(last, 2).toString('hex')).toBe('00010203040506070100000000000000');
});

test('no id is all zeros', () => {
  expect(noOpId).toEqual(Buffer.alloc(opIdBytes));
});
