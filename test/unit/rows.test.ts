/** Rows as they travel: they come back as they were, bytes that are no rows are refused, and sums tell sets apart. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PackedRows, RowPacker } from '../../src/rebalance/packed-rows.ts';
import {
  endOfPacked,
  isPackedRow,
  packDeltas,
  packedBytes,
  type Row,
  type RowDelta,
  RowSum,
  slotOfPacked,
  unpackDelta,
  unpackDeltas,
} from '../../src/rebalance/row.ts';
import { SlotSums } from '../../src/rebalance/slot-sums.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const anyRow: fc.Arbitrary<Row> = fc
  .record(
    {
      slot: fc.nat(16_383),
      key: bytes(20),
      version: fc.maxSafeNat(),
      contentType: bytes(255).map((type) => type.toString('latin1')),
      value: bytes(50),
      expiresAtMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    },
    { requiredKeys: ['slot', 'key', 'version', 'contentType', 'value'] },
  )
  .map((row) => row as Row);
const anyDelta: fc.Arbitrary<RowDelta> = fc.oneof(anyRow, fc.record({ slot: fc.nat(16_383), key: bytes(20) }));

function row(key: string, more: Partial<Row> = {}): Row {
  return { slot: 3, key: Buffer.from(key), version: 7, contentType: 'a/b', value: Buffer.from('value'), ...more };
}

describe('packed rows', () => {
  test('come back as they were, deletions too', () => {
    fc.assert(
      fc.property(fc.array(anyDelta), (deltas) => {
        expect(unpackDeltas(packDeltas(deltas))).toEqual(deltas);
      }),
    );
  });

  test('lie as the drawing in row.ts says', () => {
    const packed = packDeltas([
      row('key', { version: 2 ** 32 + 5, expiresAtMs: 9 }),
      { slot: 0x1234, key: Buffer.from('k') },
    ]);
    const first = '\x01\x03\x03\0\x03\0\0\0\x05\0\0\0\x01\0\0\0\x05\0\0\0\x09\0\0\0\0\0\0\0keya/bvalue';
    expect(packed.toString('latin1')).toBe(`${first}\x02\0\x34\x12\x01\0${'\0'.repeat(22)}k`);
    expect(packedBytes(row('key'))).toBe(first.length);
    expect([slotOfPacked(packed), isPackedRow(packed, 0), isPackedRow(packed, first.length)]).toEqual([3, true, false]);
    expect([endOfPacked(packed, 0), endOfPacked(packed, first.length)]).toEqual([first.length, packed.length]);
  });

  test('are refused wherever they break off, and when they begin with something else', () => {
    const packed = packDeltas([row('key')]);
    for (let length = 1; length < packed.length; length++) {
      expect(() => unpackDeltas(packed.subarray(0, length))).toThrow(
        `the packed rows break off or go astray at byte 0 of ${length}`,
      );
    }
    const two = packDeltas([row('key'), row('second')]);
    expect(() => unpackDeltas(two.subarray(0, packed.length + 5))).toThrow(
      `the packed rows break off or go astray at byte ${packed.length} of ${packed.length + 5}`,
    );
    packed[0] = 3;
    expect(() => unpackDeltas(packed)).toThrow(RangeError);
  });

  test('are gathered into bytes that grow, and each is given back as it lies there', () => {
    const packer = new RowPacker();
    const rows = [
      row('a'),
      row('b', { value: Buffer.alloc(10_000, 'x') }),
      row('c', { value: Buffer.alloc(3_000, 'y') }),
    ];
    const packedEach = rows.map((one) => Buffer.from(packer.add(one)));
    expect([packer.count, packer.bytes]).toEqual([3, rows.reduce((sum, one) => sum + packedBytes(one), 0)]);
    const taken = packer.take();
    expect(taken.count).toBe(3);
    expect(taken.bytes.length).toBe(packer.bytes);
    expect([...taken].map((packed) => unpackDelta(packed))).toEqual(rows);
    expect([...taken].map((packed) => packed.equals(packedEach.shift() as Buffer))).toEqual([true, true, true]);
  });

  test('that come from elsewhere are counted and checked', () => {
    const packed = packDeltas([row('a'), row('b')]);
    expect(PackedRows.checked(packed).count).toBe(2);
    expect(PackedRows.checked(Buffer.alloc(0)).count).toBe(0);
    const first = packedBytes(row('a'));
    expect(() => PackedRows.checked(packDeltas([row('a'), { slot: 3, key: Buffer.from('b') }]))).toThrow(
      `no row lies at byte ${first}`,
    );
    expect(() => PackedRows.checked(packed.subarray(0, -1))).toThrow(RangeError);
  });
});

function sumOf(rows: readonly Row[]): RowSum {
  const sum = new RowSum();
  for (const one of rows) sum.add(one);
  return sum;
}

describe('the sum of rows', () => {
  test('counts keys, and the bytes of keys and values', () => {
    const { keys, bytes, digest } = sumOf([row('key'), row('k', { value: Buffer.alloc(5_000) })]);
    expect({ keys, bytes }).toEqual({ keys: 2, bytes: 3 + 5 + 1 + 5_000 });
    expect(digest).toBeGreaterThan(0);
  });

  test('is the same in any order and in any parts, packed or not', () => {
    fc.assert(
      fc.property(fc.array(anyRow), fc.nat(), (rows, cut) => {
        const whole = sumOf(rows);
        expect(sumOf([...rows].reverse()).equals(whole)).toBe(true);
        const parts = sumOf(rows.slice(0, cut % (rows.length + 1)));
        parts.addSum(sumOf(rows.slice(cut % (rows.length + 1))));
        expect(parts.equals(whole)).toBe(true);
        const packed = new RowSum();
        for (const one of PackedRows.of(rows)) packed.addPacked(one);
        expect(packed.equals(whole)).toBe(true);
      }),
    );
  });

  test.each<[string, Row]>([
    ['key', row('other')],
    ['value', row('key', { value: Buffer.from('VALUE') })],
    ['version', row('key', { version: 8 })],
    ['type', row('key', { contentType: 'a/c' })],
    ['expiry', row('key', { expiresAtMs: 1 })],
    ['slot', row('key', { slot: 4 })],
  ])('tells another %s', (_what, other) => {
    expect(sumOf([other]).equals(sumOf([row('key')]))).toBe(false);
  });

  test('is equal only in all three figures', () => {
    const sum = sumOf([row('key')]);
    const { keys, bytes, digest } = sum;
    expect(sum.equals({ keys, bytes, digest })).toBe(true);
    expect(sum.equals({ keys: keys + 1, bytes, digest })).toBe(false);
    expect(sum.equals({ keys, bytes: bytes + 1, digest })).toBe(false);
    expect(sum.equals({ keys, bytes, digest: digest + 1 })).toBe(false);
  });

  test('stays a whole number that JSON can carry, however many rows', () => {
    const sum = new RowSum();
    sum.addSum({ keys: 1, bytes: 1, digest: 2 ** 52 - 1 });
    sum.addSum({ keys: 1, bytes: 1, digest: 5 });
    expect(sum.digest).toBe(4);
    sum.addSum({ keys: 0, bytes: 0, digest: 2 ** 52 - 5 });
    sum.add(row('key'));
    const wrapped = sum.digest;
    expect(wrapped).toBe(sumOf([row('key')]).digest - 1);
  });
});

describe('the sums of slots', () => {
  const packed = (...rows: Row[]) => PackedRows.of(rows);

  test('are known once set, until they are forgotten', () => {
    const sums = new SlotSums();
    const sum = new RowSum();
    expect(sums.of(3)).toBeUndefined();
    sums.set(3, sum);
    expect(sums.of(3)).toBe(sum);
    sums.forget(4);
    expect(sums.of(3)).toBe(sum);
    sums.forget(3);
    expect([sums.of(3), sums.watches(3)]).toEqual([undefined, false]);
  });

  test('stay what the rows come to while keys are written: before, among and behind those that were walked', () => {
    const sums = new SlotSums();
    const of = (...some: Row[]) => sumOf(some);
    const key = (text: string) => ({ slot: 3, key: Buffer.from(text) });
    const later = { ...row('k'), version: 9 };
    for (const begin of ['known', 'expected', 'walked'] as const) {
      if (begin === 'known') sums.set(3, of(row('b'), row('k')));
      if (begin === 'expected') sums.expectNone(3);
      if (begin === 'expected') sums.add(packed(row('b'), row('k')));
      if (begin === 'walked') sums.pause(3, Buffer.from('k'), of(row('b'), row('k')));
      const now = () => sums.of(3) ?? sums.expectedOf(3) ?? sums.walkOf(3)?.sum;
      expect([begin, sums.watches(3), sums.watches(4)]).toEqual([begin, true, false]);
      sums.replace(key('k'), of(row('k')), of(later));
      expect(now()).toEqual(of(row('b'), later));
      sums.replace(key('b'), of(row('b')), of());
      expect(now()).toEqual(of(later));
      sums.replace(key('c'), of(), of(row('c')));
      sums.replace({ slot: 4, key: Buffer.from('c') }, of(), of(row('c', { slot: 4 })));
      expect(now()).toEqual(of(later, row('c')));
      sums.replace(key('ka'), of(), of(row('ka')));
      expect(now()).toEqual(begin === 'walked' ? of(later, row('c')) : of(later, row('c'), row('ka')));
      sums.forget(3);
    }
  });

  test('are expected of what was stored since the slot was empty, until they are known or forgotten', () => {
    const sums = new SlotSums();
    sums.add(packed(row('before')));
    expect(sums.expectedOf(3)).toBeUndefined();
    sums.set(3, new RowSum());
    sums.expectNone(3);
    expect(sums.of(3)).toBeUndefined();
    sums.add(packed(row('a'), row('b', { slot: 4 }), row('c')));
    expect(sums.expectedOf(3)).toMatchObject({ keys: 2, bytes: 12 });
    expect(sums.expectedOf(4)).toBeUndefined();
    sums.set(3, sums.expectedOf(3) as RowSum);
    expect(sums.expectedOf(3)).toBeUndefined();
    sums.expectNone(3);
    sums.forget(3);
    expect(sums.expectedOf(3)).toBeUndefined();
  });

  test('are unknown once rows have come', () => {
    const sums = new SlotSums();
    sums.set(3, new RowSum());
    sums.set(4, new RowSum());
    sums.add(packed(row('a')));
    expect([sums.of(3), sums.of(4) === undefined]).toEqual([undefined, false]);
  });

  test('are gathered over pages, as long as the next begins where the last ended', () => {
    const sums = new SlotSums();
    const sum = sums.begin(3, undefined) as RowSum;
    sums.pause(3, Buffer.from('k'), sum);
    expect(sums.begin(3, Buffer.from('k'))).toBe(sum);
    expect(sums.begin(3, Buffer.from('j'))).toBeUndefined();
    expect(sums.begin(4, Buffer.from('k'))).toBeUndefined();
    expect(sums.begin(3, undefined)).not.toBe(sum);
    sums.forget(4);
    expect(sums.begin(3, Buffer.from('k'))).toBe(sum);
    sums.forget(3);
    expect(sums.begin(3, Buffer.from('k'))).toBeUndefined();
  });

  test('of a slot whose page was not summed go on as unknown', () => {
    const sums = new SlotSums();
    sums.pause(3, Buffer.from('k'), new RowSum());
    sums.set(3, new RowSum());
    sums.pause(3, Buffer.from('l'), undefined);
    expect(sums.of(3)).toBeUndefined();
    expect(sums.begin(3, Buffer.from('k'))).toBeUndefined();
  });
});
